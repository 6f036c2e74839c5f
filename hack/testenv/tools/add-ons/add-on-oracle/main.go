// Command add-on-oracle shows what add-ons of a cluster make of objects, so that a test can run the examples of docs/
// without the add-ons. It uses the same libraries as they do:
//   - "health": the result of a health check in Lua, as Argo CD runs it (github.com/yuin/gopher-lua),
//   - "argo": whether Argo CD sees a difference between Git and the cluster, and what its sync applies,
//   - "kstatus": the status that Flux computes (github.com/fluxcd/cli-utils/pkg/kstatus),
//   - "template": a template of External Secrets (text/template with sprig).
//
// It reads one question per line, in JSON, and writes one answer per line.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type object = map[string]any

type question struct {
	// A script in Lua.
	Health *string `json:"health"`
	Argo   *argo   `json:"argo"`
	// Any value: compute the status of the object.
	Kstatus  bool    `json:"kstatus"`
	Template *string `json:"template"`
	// The input of a template.
	Values map[string]string `json:"values"`
	// The object in the cluster.
	Object object `json:"object"`
}

type answer struct {
	Error   string `json:"error,omitempty"`
	Status  string `json:"status,omitempty"`
	Message string `json:"message,omitempty"`
	Text    string `json:"text,omitempty"`
	Synced  *bool  `json:"synced,omitempty"`
	// What a sync applies.
	Target object `json:"target,omitempty"`
}

func main() {
	if err := serve(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in *bufio.Reader, out io.Writer) error {
	encoder := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			return fmt.Errorf("expected a question in JSON: %w", err)
		}
		answered, err := reply(asked)
		if err != nil {
			answered = answer{Error: err.Error()}
		}
		if err := encoder.Encode(answered); err != nil {
			return err
		}
	}
}

func reply(asked question) (answer, error) {
	switch {
	case asked.Health != nil:
		return health(*asked.Health, asked.Object)
	case asked.Argo != nil:
		return compare(*asked.Argo, asked.Object)
	case asked.Kstatus:
		return kstatus(asked.Object)
	case asked.Template != nil:
		return render(*asked.Template, asked.Values)
	default:
		return answer{}, errors.New(`expected "health", "argo", "kstatus" or "template"`)
	}
}

func kstatus(live object) (answer, error) {
	// Decodes whole numbers as such, as a client does.
	read := &unstructured.Unstructured{}
	if err := read.UnmarshalJSON(marshal(live)); err != nil {
		return answer{}, err
	}
	result, err := status.Compute(read)
	if err != nil {
		return answer{}, err
	}
	return answer{Status: string(result.Status), Message: result.Message}, nil
}
