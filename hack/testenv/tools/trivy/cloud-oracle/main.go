// Command cloud-oracle shows which cloud's credentials Trivy would use for an image, and which login it finds in a Docker
// config file. It uses Trivy's own packages, so that a test can compare its answers with those of this project.
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
	"path/filepath"

	"github.com/aquasecurity/trivy/pkg/fanal/image/registry/azure"
	"github.com/aquasecurity/trivy/pkg/fanal/image/registry/ecr"
	"github.com/aquasecurity/trivy/pkg/fanal/image/registry/google"
	"github.com/aquasecurity/trivy/pkg/fanal/image/registry/intf"
	"github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

type question struct {
	Image string `json:"image"`
	// The content of config.json.
	Config string `json:"config"`
}

type answer struct {
	// The image is not one that Trivy accepts.
	Error string `json:"error,omitempty"`
	// The host as Trivy compares it and looks it up, with its port.
	Host string `json:"host"`
	// Empty: Trivy uses the Docker config file only.
	Cloud string `json:"cloud"`
	// The user that Trivy finds in the Docker config file; empty: it finds none.
	Username string `json:"username"`
}

// In the order of pkg/fanal/image/registry/token.go.
var clouds = []struct {
	name     string
	registry intf.Registry
}{
	{"Google", &google.Registry{}},
	{"AWS", &ecr.ECR{}},
	{"Azure", &azure.Registry{}},
}

func main() {
	if err := serve(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in *bufio.Reader, out io.Writer) error {
	directory, err := os.MkdirTemp("", "cloud-oracle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	for _, variable := range []string{"HOME", "DOCKER_CONFIG"} {
		if err := os.Setenv(variable, directory); err != nil {
			return err
		}
	}
	config := filepath.Join(directory, "config.json")
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
		if err := os.WriteFile(config, []byte(asked.Config), 0o600); err != nil {
			return err
		}
		if err := encoder.Encode(reply(asked)); err != nil {
			return err
		}
	}
}

// reply does what authOptions of pkg/remote/remote.go does, but requests no token.
func reply(asked question) answer {
	reference, err := name.ParseReference(asked.Image)
	if err != nil {
		return answer{Error: err.Error()}
	}
	repository := reference.Context()
	host := repository.RegistryStr()
	login, err := username(repository)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Host: host, Cloud: cloud(host), Username: login}
}

func cloud(host string) string {
	for _, each := range clouds {
		if _, err := each.registry.CheckOptions(host, types.RegistryOptions{}); err == nil {
			return each.name
		}
	}
	return ""
}

func username(repository name.Repository) (string, error) {
	authenticator, err := authn.DefaultKeychain.Resolve(repository)
	if err != nil {
		return "", err
	}
	found, err := authenticator.Authorization()
	if err != nil {
		return "", err
	}
	return found.Username, nil
}
