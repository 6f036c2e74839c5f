package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// The statuses that Argo CD accepts.
var statuses = []string{"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"}

// Runs a health check as Argo CD does for a script in argocd-cm: with the libraries package, base and table only, and
// for at most a second. (Argo CD also offers two functions of the library os, about time.)
func health(script string, live object) (answer, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	libraries := []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage},
		{lua.BaseLibName, lua.OpenBase},
		{lua.TabLibName, lua.OpenTable},
	}
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return answer{}, err
		}
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limit)
	state.SetGlobal("obj", luajson.DecodeValue(state, live))
	if err := state.DoString(script); err != nil {
		return answer{}, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return answer{}, fmt.Errorf("expected the script to return a table, found %s", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		return answer{}, err
	}
	var result struct{ Status, Message string }
	if err := json.Unmarshal(text, &result); err != nil {
		return answer{}, err
	}
	if !slices.Contains(statuses, result.Status) {
		return answer{}, fmt.Errorf("expected a health status of Argo CD, found %q", result.Status)
	}
	return answer{Status: result.Status, Message: result.Message}, nil
}
