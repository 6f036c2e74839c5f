// Command keyring-oracle shows which credentials of which Secrets fit an image, and how an image reference is parsed. It
// uses the libraries of the kubelet, so that a test can compare its answers with those of this project.
//
// It reads one question per line, in JSON, and writes one answer per line. A question has either "reference", or "image"
// and "secrets".
package main

import (
	"bufio"
	// Registers the hash algorithms that a digest may name.
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/distribution/reference"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
	"k8s.io/kubernetes/pkg/util/parsers"
)

type question struct {
	Reference *string  `json:"reference"`
	Image     string   `json:"image"`
	Secrets   []secret `json:"secrets"`
}

type secret struct {
	Name string            `json:"name"`
	Type v1.SecretType     `json:"type"`
	Data map[string][]byte `json:"data"`
}

type answer struct {
	Error       string            `json:"error,omitempty"`
	Reference   *parts            `json:"reference,omitempty"`
	Credentials []credential      `json:"credentials"`
	Keys        map[string]string `json:"keys,omitempty"`
}

type parts struct {
	Name     string `json:"name"`
	Tag      string `json:"tag"`
	Digest   string `json:"digest"`
	Familiar string `json:"familiar"`
}

type credential struct {
	Secret   string `json:"secret"`
	Email    string `json:"email"`
	Username string `json:"username"`
	Password string `json:"password"`
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
		if err := encoder.Encode(reply(asked)); err != nil {
			return err
		}
	}
}

func reply(asked question) answer {
	var answered answer
	var err error
	if asked.Reference != nil {
		answered.Reference, err = readReference(*asked.Reference)
	} else {
		answered, err = lookUp(asked)
	}
	if err != nil {
		answered.Error = err.Error()
	}
	return answered
}

func readReference(text string) (*parts, error) {
	named, err := reference.ParseNormalizedNamed(text)
	if err != nil {
		return nil, err
	}
	read := parts{Name: named.Name(), Familiar: reference.FamiliarString(named)}
	if tagged, ok := named.(reference.Tagged); ok {
		read.Tag = tagged.Tag()
	}
	if digested, ok := named.(reference.Digested); ok {
		read.Digest = digested.Digest().String()
	}
	return &read, nil
}

// lookUp does what makeLookupPullCredentialsFunc of pkg/kubelet/images/image_manager.go does, on a node that has no
// credentials of its own.
func lookUp(asked question) (answer, error) {
	repository, _, _, err := parsers.ParseImageName(asked.Image)
	if err != nil {
		return answer{}, err
	}
	keyring, err := secrets.MakeDockerKeyring(pullSecrets(asked.Secrets), credentialprovider.UnionDockerKeyring{})
	if err != nil {
		return answer{}, err
	}
	found, _ := keyring.Lookup(repository)
	credentials := make([]credential, 0, len(found))
	for _, each := range found {
		credentials = append(credentials, credential{
			Secret:   each.Source.Secret.Name,
			Email:    each.Email,
			Username: each.Username,
			Password: each.Password,
		})
	}
	return answer{Credentials: credentials, Keys: canonicalKeys(asked.Secrets)}, nil
}

func pullSecrets(asked []secret) []v1.Secret {
	made := make([]v1.Secret, 0, len(asked))
	for _, each := range asked {
		made = append(made, v1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: each.Name},
			Type:       each.Type,
			Data:       each.Data,
		})
	}
	return made
}

// canonicalKeys returns the key of each entry in the keyring, by the entry's e-mail address. Entries of one Secret with
// the same key come in a random order. The library does not export the keys, so this function computes them as the
// library's Add does.
func canonicalKeys(asked []secret) map[string]string {
	keys := map[string]string{}
	for _, each := range asked {
		var config credentialprovider.DockerConfigJSON
		// Ignore errors: the look-up has already failed if a Secret cannot be read.
		_ = json.Unmarshal(each.Data[v1.DockerConfigJsonKey], &config)
		_ = json.Unmarshal(each.Data[v1.DockerConfigKey], &config.Auths)
		for key, entry := range config.Auths {
			keys[entry.Email] = canonical(key)
		}
	}
	return keys
}

func canonical(key string) string {
	if !strings.HasPrefix(key, "https://") && !strings.HasPrefix(key, "http://") {
		key = "https://" + key
	}
	parsed, err := url.Parse(key)
	if err != nil {
		return ""
	}
	path := parsed.Path
	if strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v2/") {
		path = path[3:]
	}
	if path == "/" {
		return parsed.Host
	}
	return parsed.Host + path
}
