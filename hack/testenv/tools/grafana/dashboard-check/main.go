// Command dashboard-check reads a dashboard from its standard input, as strictly as Grafana's own types allow. It prints
// each field that is unknown, missing or of a wrong type, and exits with 1 if there are any.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	// The SDK checks only the queries and panels of registered types.
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	var read dashboard.Dashboard
	if err := read.UnmarshalJSONStrict(text); err != nil {
		fail(err)
	}
	if err := read.Validate(); err != nil {
		fail(err)
	}
}

// fail exits unless the error has an empty text: the SDK returns an empty list of errors instead of nil.
func fail(err error) {
	if err.Error() == "" {
		return
	}
	fmt.Println(err)
	os.Exit(1)
}
