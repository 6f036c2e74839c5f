// Command workload is the program of test images. It is a static binary, so that an image needs nothing else.
//
// Usage:
//
//	workload                         waits for SIGTERM or SIGINT
//	workload wait FILE               waits until FILE exists, or for SIGTERM or SIGINT
//	workload report FILE [ROOT…]     writes to FILE, as JSON, what the program was given: its arguments, its environment,
//	                                 and the files below each ROOT with their permissions and contents
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// report is what a program in a container sees.
type report struct {
	Arguments   []string `json:"arguments"`
	Environment []string `json:"environment"`
	Files       []file   `json:"files"`
}

// file is a regular file. Links are followed, because a Secret volume consists of links. The content of a file that this
// user must not read is empty.
type file struct {
	Path        string `json:"path"`
	Permissions string `json:"permissions"`
	Content     string `json:"content"`
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == "report" {
		if err := write(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "workload:", err)
			os.Exit(1)
		}
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	for {
		select {
		case <-signals:
			return
		case <-time.After(50 * time.Millisecond):
			if len(os.Args) > 2 && exists(os.Args[2]) {
				return
			}
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func write(output string, arguments []string) error {
	found := report{Arguments: os.Args, Environment: os.Environ(), Files: []file{}}
	sort.Strings(found.Environment)
	for _, root := range arguments {
		// Other arguments are parameters that only the report shows.
		if !strings.HasPrefix(root, "/") {
			continue
		}
		files, err := below(root)
		if err != nil {
			return err
		}
		found.Files = append(found.Files, files...)
	}
	content, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(output, content, 0o644)
}

// below lists the files under a folder that exists. The folders of a Secret volume whose names begin with ".." are left
// out: the kubelet keeps the versions of the volume there.
func below(root string) ([]file, error) {
	files := []file{}
	var walk func(path string) error
	walk = func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil && !os.IsPermission(err) {
				return err
			}
			files = append(files, file{path, fmt.Sprintf("%04o", info.Mode().Perm()), string(content)})
			return nil
		}
		if !info.IsDir() {
			return nil
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if strings.HasPrefix(entry.Name(), "..") {
				continue
			}
			if err := walk(filepath.Join(path, entry.Name())); err != nil {
				return err
			}
		}
		return nil
	}
	return files, walk(root)
}
