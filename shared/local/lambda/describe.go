package lambda

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"opsflow/shared/local/paging"
)

// configuration is what Lambda tells of a function.
type configuration struct {
	FunctionName  string
	FunctionArn   string //nolint:revive,staticcheck // AWS's spelling
	Runtime       string
	Handler       string
	Timeout       int // s
	MemorySize    int // MB
	PackageType   string
	Architectures []string
	Version       string
	State         string
	LoggingConfig loggingConfig
}

type loggingConfig struct {
	LogFormat string
	LogGroup  string
}

func configurationOf(f Function) configuration {
	group := f.LogGroup
	if group == "" {
		group = "/aws/lambda/" + f.Name
	}
	return configuration{
		FunctionName: f.Name, FunctionArn: f.ARN, Runtime: "provided.al2023", Handler: "bootstrap", Timeout: int(f.Timeout.Seconds()),
		MemorySize: f.MemoryMB, PackageType: "Zip", Architectures: []string{"arm64"}, Version: "$LATEST", State: "Active",
		LoggingConfig: loggingConfig{"Text", group},
	}
}

// maxListed is the most functions of a page.
const maxListed = 50

// list is ListFunctions.
func (h *handler) list(w http.ResponseWriter, req *http.Request) {
	limit := maxListed
	if text := req.FormValue("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 10_000 {
			fail(w, &APIError{Code: invalidParameter, Message: "MaxItems must be a number from 1 to 10000, got " + text})
			return
		}
		limit = min(limit, n)
	}
	page, next, ok := paging.Cut(h.registry.all(), func(f *Function) string { return f.Name }, limit, req.FormValue("Marker"))
	if !ok {
		fail(w, &APIError{Code: invalidParameter, Message: "Invalid Marker"})
		return
	}
	out := struct {
		Functions  []configuration
		NextMarker string `json:",omitempty"`
	}{Functions: []configuration{}, NextMarker: next}
	for _, f := range page {
		out.Functions = append(out.Functions, configurationOf(f))
	}
	tell(w, out)
}

// all gives the functions by name.
func (r *Registry) all() []Function {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := make([]Function, 0, len(r.functions))
	for _, name := range slices.Sorted(maps.Keys(r.functions)) {
		all = append(all, r.functions[name].Function)
	}
	return all
}

// describe answers with what is told of one function.
func (h *handler) describe(of func(Function) any) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		f, _, err := h.registry.find(req.PathValue("name"))
		if err != nil {
			fail(w, err)
			return
		}
		tell(w, of(f.Function))
	}
}

// whole is the answer of GetFunction.
func whole(f Function) any {
	out := map[string]any{"Configuration": configurationOf(f)}
	if f.Reserved != nil {
		out["Concurrency"] = concurrencyOf(f)
	}
	return out
}

// concurrencyOf is the answer of GetFunctionConcurrency.
func concurrencyOf(f Function) any {
	out := map[string]int{}
	if f.Reserved != nil {
		out["ReservedConcurrentExecutions"] = *f.Reserved
	}
	return out
}

func tell(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		fail(w, fmt.Errorf("write the answer: %w", err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body) //nolint:gosec // JSON, and so declared; nobody is left to tell of an error
}
