package main

import (
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// Renders a value of target.template.data as version 2 of External Secrets' template engine does.
func render(text string, values map[string]string) (answer, error) {
	functions := sprig.TxtFuncMap()
	// External Secrets offers neither.
	delete(functions, "env")
	delete(functions, "expandenv")
	parsed, err := template.New("data").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return answer{}, err
	}
	var rendered strings.Builder
	if err := parsed.Execute(&rendered, values); err != nil {
		return answer{}, err
	}
	return answer{Text: rendered.String()}, nil
}
