// Command without-seccomp runs runc with a bundle from which it has removed the seccomp profile. runc refuses such a
// profile if it was built without libseccomp, which needs the headers of a C library.
//
// Usage: without-seccomp RUNC [ARGUMENT…]
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("expected the path of runc as the first argument, found none"))
	}
	runc, arguments := os.Args[1], os.Args[2:]
	if bundle := bundleOf(arguments); bundle != "" {
		if err := removeProfile(filepath.Join(bundle, "config.json")); err != nil {
			fail(err)
		}
	}
	fail(syscall.Exec(runc, append([]string{runc}, arguments...), os.Environ()))
}

// bundleOf returns the bundle of a "create" or "run", or "" for other commands.
func bundleOf(arguments []string) string {
	starts := false
	for index, argument := range arguments {
		starts = starts || argument == "create" || argument == "run"
		if starts && (argument == "--bundle" || argument == "-b") && index+1 < len(arguments) {
			return arguments[index+1]
		}
		if bundle, found := strings.CutPrefix(argument, "--bundle="); starts && found {
			return bundle
		}
	}
	return ""
}

// removeProfile keeps all other fields as they are.
func removeProfile(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var config, linux map[string]json.RawMessage
	if err := json.Unmarshal(content, &config); err != nil {
		return err
	}
	if err := json.Unmarshal(config["linux"], &linux); err != nil {
		return err
	}
	delete(linux, "seccomp")
	if config["linux"], err = json.Marshal(linux); err != nil {
		return err
	}
	if content, err = json.Marshal(config); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "without-seccomp:", err)
	os.Exit(1)
}
