// Command go-oracle shows how programs of the field, which are written in Go, read texts that this project reads itself,
// so that a test can compare its answers with theirs:
//   - cron expressions, as the operator of secureCodeBox reads them (github.com/robfig/cron),
//   - durations (time.ParseDuration),
//   - NO_PROXY, as Trivy reads it (golang.org/x/net/http/httpproxy, of which net/http has a copy).
//
// It reads one question per line, in JSON, and writes one answer per line. A question has "schedule" and "after",
// "duration", or "noProxy" and "url".
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/robfig/cron"
	"golang.org/x/net/http/httpproxy"
)

type question struct {
	Schedule *string `json:"schedule"`
	// Milliseconds since the epoch.
	After    int64   `json:"after"`
	Duration *string `json:"duration"`
	NoProxy  *string `json:"noProxy"`
	URL      string  `json:"url"`
}

type answer struct {
	Error string `json:"error,omitempty"`
	// Milliseconds since the epoch. Absent if the schedule has no next run.
	Next *int64 `json:"next,omitempty"`
	// In decimal, because a number in JSON may lose digits.
	Nanoseconds string `json:"nanoseconds,omitempty"`
	Proxied     *bool  `json:"proxied,omitempty"`
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
			answered.Error = err.Error()
		}
		if err := encoder.Encode(answered); err != nil {
			return err
		}
	}
}

func reply(asked question) (answer, error) {
	switch {
	case asked.Schedule != nil:
		return next(*asked.Schedule, time.UnixMilli(asked.After).UTC())
	case asked.Duration != nil:
		return duration(*asked.Duration)
	case asked.NoProxy != nil:
		return proxy(*asked.NoProxy, asked.URL)
	default:
		return answer{}, errors.New(`expected "schedule", "duration" or "noProxy"`)
	}
}

func next(text string, after time.Time) (answer, error) {
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return answer{}, err
	}
	found := schedule.Next(after)
	if found.IsZero() {
		return answer{}, nil
	}
	milliseconds := found.UnixMilli()
	return answer{Next: &milliseconds}, nil
}

func duration(text string) (answer, error) {
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return answer{}, err
	}
	return answer{Nanoseconds: strconv.FormatInt(parsed.Nanoseconds(), 10)}, nil
}

func proxy(noProxy, text string) (answer, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return answer{}, err
	}
	config := httpproxy.Config{
		HTTPProxy:  "http://proxy.example:3128",
		HTTPSProxy: "http://proxy.example:3128",
		NoProxy:    noProxy,
	}
	chosen, err := config.ProxyFunc()(parsed)
	if err != nil {
		return answer{}, err
	}
	proxied := chosen != nil
	return answer{Proxied: &proxied}, nil
}
