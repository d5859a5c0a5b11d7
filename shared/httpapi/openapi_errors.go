package httpapi

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

// refusals are the codes that an operation can be refused with: what follows from its form, and what its route adds.
func (r *route) refusals() []ops.Code {
	codes := []ops.Code{
		ops.CodeUnauthenticated, ops.CodeForbidden, ops.CodeInvalid, ops.CodeThrottled, ops.CodeInternal, ops.CodeUnavailable,
		codeMalformed, ops.CodeTooLarge, codeUnsupportedMedia, // a body is read and checked even where none is needed
	}
	if strings.Contains(r.path, "{") {
		codes = append(codes, ops.CodeNotFound)
	}
	if r.method != http.MethodGet && !r.reads {
		codes = append(codes, ops.CodeConflict)
	}
	if r.record != nil {
		codes = append(codes, ops.CodePreconditionFailed)
	}
	return append(codes, r.refuses...)
}

// responses refers, for each status that the codes have, to the answer that all operations share.
func responses(codes []ops.Code) map[string]*huma.Response {
	all := map[string]*huma.Response{}
	for _, code := range codes {
		all[strconv.Itoa(Status(code))] = &huma.Response{Ref: "#/components/responses/" + responseName(Status(code))}
	}
	return all
}

func responseName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// problemResponses are the answers that operations share: one for each status of an error, with the codes that lead to it.
func problemResponses(schemas huma.Registry) map[string]*huma.Response {
	codes := map[int][]string{}
	for _, code := range slices.Sorted(maps.Keys(statuses)) {
		codes[statuses[code]] = append(codes[statuses[code]], string(code))
	}
	all := map[string]*huma.Response{}
	for status, of := range codes {
		response := &huma.Response{
			Description: http.StatusText(status) + ", with the code " + strings.Join(of, " or "),
			Content: map[string]*huma.MediaType{
				"application/problem+json": {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "Problem")},
			},
		}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			response.Headers = map[string]*huma.Param{
				"Retry-After": {Description: "After how many seconds to try again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
			}
		}
		all[responseName(status)] = response
	}
	return all
}
