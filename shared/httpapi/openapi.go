package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"opsflow/shared/ops"
)

const (
	schemaPrefix = "#/components/schemas/"
	bearer       = "bearer" // the name of the security scheme
)

func (a *api) humaConfig() huma.Config {
	schemas := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[ops.Duration](), reflect.TypeFor[string]()) // it is written as text
	schemas.RegisterTypeAlias(reflect.TypeFor[ops.ErrorWay](), reflect.TypeFor[stepWay]())
	schemas.RegisterTypeAlias(reflect.TypeFor[ops.ExpireWay](), reflect.TypeFor[stepWay]())
	schemas.RegisterTypeAlias(reflect.TypeFor[listedVendor](), reflect.TypeFor[vendorOrCandidate]())
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "opsflow", Version: "1",
				Description: "Operations automation for a service marketplace: workflows, tasks, rules, events, alerts and vendors.",
			},
			Servers: []*huma.Server{{URL: "/", Description: "Where this document is."}},
			Tags:    documentTags(),
			Components: &huma.Components{
				Schemas:   schemas,
				Responses: problemResponses(schemas),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An OIDC access token."},
				},
			},
		},
		Formats:                      huma.DefaultFormats, // JSON, and what ends in +json
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{a.ownProblems},
	}
}

// stepWay is how an ops.Otherwise is written.
type stepWay struct{}

// Schema tells both forms.
func (stepWay) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString, Description: "fail, skip, compensate; on_expire: fail, reject, approve, escalate"},
		{Type: huma.TypeObject, Required: []string{"next"}, Properties: map[string]*huma.Schema{"next": {Type: huma.TypeString}}},
	}}
}

// document is the OpenAPI document, without huma's own error model, which it always adds and we never send, and without
// the names that it requires twice where a type has a field of the same name as one of those it embeds.
func (a *api) document() (*huma.OpenAPI, error) {
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for _, s := range schemas {
		slices.Sort(s.Required)
		s.Required = slices.Compact(s.Required)
	}
	return a.huma.OpenAPI(), describeBodies(a.huma.OpenAPI().Paths)
}

// route is one operation of the API.
type route struct {
	id      string // the OpenAPI operation's
	method  string
	path    string
	action  action
	summary string
	status  int // of success; 0: 200
	or      int // another status of success, with the same answer; 0: none
	// record reads the version of the record that the operation changes; nil: it changes none that has one.
	record versionReader
	// reads says of a POST that it changes nothing.
	reads bool
	// refuses are codes of refusals that do not follow from the operation's form.
	refuses []ops.Code
	// text describes a body that the domain decodes from its text by itself; "" for every other operation.
	text string
	// schema is the last part of the path at which there is the JSON Schema of such a body.
	schema string
}

// handle adds an operation: who may call it, its body's checks, and its errors are the same for all.
func handle[I, O any](a *api, r route, do func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID:     r.id,
		Method:          r.method,
		Path:            r.path,
		Summary:         r.summary,
		Description:     "For " + strings.Join(whoMay(r.action), ", ") + ".",
		Tags:            tagsOf(r.path),
		DefaultStatus:   r.status,
		Security:        []map[string][]string{{bearer: {}}},
		Middlewares:     huma.Middlewares{a.admit(r.action), a.readBody},
		Responses:       responses(r.refusals()),
		MaxBodyBytes:    -1, // readBody has read and measured it
		BodyReadTimeout: -1,
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	if r.method == http.MethodPost {
		op.Parameters = append(op.Parameters, keyParam(r.reads))
		if !r.reads {
			op.Middlewares = append(op.Middlewares, a.once(op.DefaultStatus))
		}
	}
	if r.record != nil {
		op.Parameters = append(op.Parameters, matchParam())
		op.Middlewares = append(op.Middlewares, a.match(r.record)) // within once: a repeat is answered whatever the record is now
	}
	if r.text != "" {
		op.SkipValidateBody = true
		op.RequestBody = &huma.RequestBody{Required: true, Description: r.text}
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
	if r.or != 0 {
		op.Responses[strconv.Itoa(r.or)] = op.Responses[strconv.Itoa(op.DefaultStatus)]
	}
	if r.text != "" { // huma takes a body that it doesn't decode for a file
		body := &huma.Schema{Type: huma.TypeObject}
		if r.schema != "" {
			body.Extensions = map[string]any{"externalDocs": map[string]string{"description": "Its JSON Schema", "url": "/v1/schemas/" + r.schema}}
		}
		op.RequestBody.Content["application/json"].Schema = body
	}
}
