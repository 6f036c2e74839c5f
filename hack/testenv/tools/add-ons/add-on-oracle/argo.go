package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/itchyny/gojq"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// The comparison of an object of a CRD with Git.
type argo struct {
	Git object `json:"git"`
	// An entry of spec.ignoreDifferences of an Application.
	JSONPointers          []string `json:"jsonPointers"`
	JqPathExpressions     []string `json:"jqPathExpressions"`
	ManagedFieldsManagers []string `json:"managedFieldsManagers"`
	// Whether the Application has the sync option RespectIgnoreDifferences=true.
	Respect bool `json:"respect"`
}

// Compares as Argo CD does by default, with a three-way merge of what was applied last, Git and the cluster. Written
// after util/argo/normalizers, util/argo/managedfields and controller/sync.go of Argo CD 3.3.0, and pkg/diff of its
// gitops-engine.
func compare(asked argo, live object) (answer, error) {
	whole := copyOf(live)
	git, trimmed, err := withoutManaged(asked.Git, live, asked.ManagedFieldsManagers)
	if err != nil {
		return answer{}, err
	}
	before, err := appliedBefore(live, git)
	if err != nil {
		return answer{}, err
	}
	for _, each := range []*object{&git, &trimmed, &before} {
		if *each, err = asked.ignore(*each); err != nil {
			return answer{}, err
		}
	}
	predicted, err := predict(before, git, trimmed)
	if err != nil {
		return answer{}, err
	}
	target := asked.Git
	if asked.Respect {
		if target, err = restored(git, trimmed, whole); err != nil {
			return answer{}, err
		}
	}
	synced := reflect.DeepEqual(predicted, copyOf(trimmed))
	return answer{Synced: &synced, Target: target}, nil
}

func (asked argo) ignore(from object) (object, error) {
	result := from
	for _, pointer := range asked.JSONPointers {
		patch, err := jsonpatch.DecodePatch(marshal([]object{{"op": "remove", "path": pointer}}))
		if err != nil {
			return nil, err
		}
		// A path that does not exist is no error in Argo CD.
		if changed, err := patch.Apply(marshal(result)); err == nil {
			result = unmarshal(changed)
		}
	}
	for _, path := range asked.JqPathExpressions {
		query, err := gojq.Parse(fmt.Sprintf("del(%s)", path))
		if err != nil {
			return nil, err
		}
		first, ok := query.Run(result).Next()
		if !ok {
			return nil, errors.New("the expression returned nothing")
		}
		if err, failed := first.(error); failed {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		result = copyOf(first.(object))
	}
	return result, nil
}

// Removes the fields that differ, and that one of the managers has written, from both objects.
func withoutManaged(git, live object, managers []string) (object, object, error) {
	if len(managers) == 0 {
		return copyOf(git), copyOf(live), nil
	}
	typedLive, err := typed.DeducedParseableType.FromUnstructured(copyOf(live))
	if err != nil {
		return nil, nil, err
	}
	typedGit, err := typed.DeducedParseableType.FromUnstructured(copyOf(git))
	if err != nil {
		return nil, nil, err
	}
	comparison, err := typedLive.Compare(typedGit)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entriesOf(live) {
		if !slices.Contains(managers, entry.Manager) {
			continue
		}
		written := &fieldpath.Set{}
		if err := written.FromJSON(strings.NewReader(string(entry.FieldsV1))); err != nil {
			return nil, nil, err
		}
		both := written.Intersection(comparison.Modified)
		if !both.Empty() {
			typedLive, typedGit = typedLive.RemoveItems(both), typedGit.RemoveItems(both)
		}
	}
	return copyOf(typedGit.AsValue().Unstructured()), copyOf(typedLive.AsValue().Unstructured()), nil
}

type managed struct {
	Manager  string          `json:"manager"`
	FieldsV1 json.RawMessage `json:"fieldsV1"`
}

func entriesOf(live object) []managed {
	var parsed struct {
		Metadata struct {
			ManagedFields []managed `json:"managedFields"`
		} `json:"metadata"`
	}
	// The API server has written this field.
	_ = json.Unmarshal(marshal(live), &parsed)
	return parsed.Metadata.ManagedFields
}

// What the last sync applied. Without an annotation that says so, Argo CD takes what is in Git.
func appliedBefore(live, git object) (object, error) {
	metadata, _ := live["metadata"].(object)
	annotations, _ := metadata["annotations"].(object)
	text, found := annotations[lastApplied].(string)
	if !found {
		return copyOf(git), nil
	}
	var parsed object
	err := json.Unmarshal([]byte(text), &parsed)
	return parsed, err
}

// The object in the cluster after a sync.
func predict(before, git, live object) (object, error) {
	before, git = withoutNamespace(before), withoutNamespace(git)
	known := marshal(withoutExtras(before, live))
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(marshal(before), marshal(git), known)
	if err != nil {
		return nil, err
	}
	merged, err := jsonpatch.MergePatch(marshal(live), patch)
	return unmarshal(merged), err
}

func withoutNamespace(from object) object {
	result := copyOf(from)
	metadata, _ := result["metadata"].(object)
	delete(metadata, "namespace")
	if annotations, ok := metadata["annotations"].(object); ok && len(annotations) == 0 {
		delete(metadata, "annotations")
	}
	return result
}

// The fields of the second value that the first one has, too. Elements of a list stay if they are more.
func withoutExtras(wanted, live any) any {
	switch live := live.(type) {
	case object:
		fields, ok := wanted.(object)
		if !ok {
			return live
		}
		result := object{}
		for name, field := range fields {
			if found, ok := live[name]; ok {
				result[name] = withoutExtras(field, found)
			}
		}
		return result
	case []any:
		elements, ok := wanted.([]any)
		if !ok {
			return live
		}
		result := []any{}
		for index, element := range live {
			if index < len(elements) {
				element = withoutExtras(elements[index], element)
			}
			result = append(result, element)
		}
		return result
	default:
		return live
	}
}

// What a sync with RespectIgnoreDifferences=true applies: Git, with the ignored fields as they are in the cluster.
func restored(git, trimmed, live object) (object, error) {
	patch, err := jsonpatch.CreateMergePatch(marshal(trimmed), marshal(live))
	if err != nil {
		return nil, err
	}
	target, err := jsonpatch.MergePatch(marshal(git), patch)
	return unmarshal(target), err
}

func marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

func unmarshal(text []byte) object {
	var value object
	// The libraries above return objects.
	_ = json.Unmarshal(text, &value)
	return value
}

func copyOf(value any) object {
	return unmarshal(marshal(value))
}
