package httpapi

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"opsflow/shared/ops"
)

// version is a record as If-Match sees it.
type version struct {
	ref  ops.Ref
	v    int64 // that a Save of it has to find
	etag string
}

// versionReader reads the record that a request is about to change.
type versionReader func(hc huma.Context) (version, error)

// byID reads the version of the record whose id is in the path.
func byID[R ops.Record](read func(context.Context, string) (R, error)) versionReader {
	return func(hc huma.Context) (version, error) { return versionOf(read(hc.Context(), hc.Param("id"))) }
}

func versionOf[R ops.Record](r R, err error) (version, error) {
	if err != nil {
		return version{}, err
	}
	return version{r.Ref(), r.RecordMeta().V, etag(r)}, nil
}

// ruleVersion reads the version of a rule: its ETag is that of its text.
func (a *api) ruleVersion(hc huma.Context) (version, error) {
	r, err := a.Rules.Get(hc.Context(), hc.Param("id"))
	if err != nil {
		return version{}, err
	}
	return version{r.Ref(), r.V, ruleTag(r)}, nil
}

func (a *api) templateVersion(hc huma.Context) (version, error) {
	n, err := strconv.Atoi(hc.Param("version"))
	if err != nil {
		return version{}, nil //nolint:nilerr // it is told with the other faults of the request
	}
	return versionOf(a.Workflows.GetTemplate(hc.Context(), hc.Param("name"), n))
}

func (a *api) pauseVersion(hc huma.Context) (version, error) {
	return versionOf(a.Rules.Pause(hc.Context()))
}

// taskVersion reads the version of a task that the caller may see.
func (a *api) taskVersion(hc huma.Context) (version, error) {
	return versionOf(a.taskFor(hc.Context(), hc.Param("id")))
}

// matchParam documents the header of an operation that changes a record.
func matchParam() *huma.Param {
	return &huma.Param{
		Name: "If-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "The ETag that the change is made to: refused with 412 when the record is another by now, also when somebody changes it " +
			"at the same moment. Absent: whatever is there.",
	}
}

// match is the middleware that lets a change through when the record is the version that it was made to, and has the change
// fail if it no longer is when it is stored.
func (a *api) match(read versionReader) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		wanted := strings.Join(r.Header.Values("If-Match"), ",")
		if wanted == "" {
			next(hc)
			return
		}
		is, err := read(hc)
		switch {
		case err != nil:
			err = fmt.Errorf("read what is to be changed: %w", err)
		case is.ref == (ops.Ref{}):
		case !matches(wanted, is.etag):
			err = ops.Errorf(ops.CodePreconditionFailed, "%s was changed meanwhile: it is now %s", is.ref, is.etag)
		case strings.TrimSpace(wanted) != "*":
			hc = huma.WithContext(hc, ops.WithExpected(hc.Context(), is.ref, is.v))
		}
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		next(hc)
	}
}

// matches reports whether an If-Match header allows a change of the record that has this tag.
func matches(ifMatch, current string) bool {
	if strings.TrimSpace(ifMatch) == "*" {
		return true
	}
	for t := range strings.SplitSeq(ifMatch, ",") {
		if strings.TrimSpace(t) == current {
			return true
		}
	}
	return false
}
