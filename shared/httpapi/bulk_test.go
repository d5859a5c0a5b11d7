package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"opsflow/shared/bulk"
	"opsflow/shared/ops"
)

// fakeBulk is the bulk service of fakes.
type fakeBulk fakes

func (f *fakeBulk) Preview(_ context.Context, r bulk.Request, by ops.Actor) (*bulk.Preview, error) {
	f.bulkRequest, f.actor = r, by
	return &bulk.Preview{
		Action: r.Action, Items: []ops.BulkItem{{ID: "alr-1", Outcome: ops.BulkDone}}, Counts: ops.BulkCounts{Done: 1},
	}, f.fail
}

func (f *fakeBulk) Begin(_ context.Context, r bulk.Request, by ops.Actor) (*ops.Bulk, error) {
	f.bulkRequest, f.actor = r, by
	return &ops.Bulk{ID: "blk-1", Action: r.Action, Status: ops.BulkRunning, Total: len(r.IDs), Meta: ops.Meta{V: 1}}, f.fail
}

func (f *fakeBulk) Items(_ context.Context, b *ops.Bulk, o ops.BulkOutcome, from, limit int) ([]ops.BulkItem, int, error) {
	items := []ops.BulkItem{{ID: fmt.Sprint(b.ID, " ", o, " ", from, " ", limit)}}
	return items, min(from+limit, b.Total), f.fail
}

func TestBulkIsBegunForWhoAsks(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var b struct {
		ID     string
		Status string
		Total  int
	}
	body := `{"action":"alert.resolve","ids":["alr-1","alr-2"],"params":{"resolution":"restarted"}}`
	res := r.call(t, http.MethodPost, "/v1/bulk", body, r.as(t, "oscar", ops.Operations)...)
	res.ok(202, &b)
	if b.ID != "blk-1" || b.Status != "running" || b.Total != 2 || res.Header().Get("Location") != "/v1/bulk/blk-1" {
		t.Errorf("answer %s, Location %q", res.Body, res.Header().Get("Location"))
	}
	got := r.bulkRequest
	if r.actor.ID != "oscar" || got.Action != ops.BulkResolveAlerts || len(got.IDs) != 2 || got.Filter != nil ||
		string(got.Params) != `{"resolution":"restarted"}` {
		t.Errorf("begun as %s: %+v", r.actor.ID, got)
	}
	r.call(t, http.MethodPost, "/v1/bulk", `{"action":"task.claim","filter":{"team":"Finance"}}`).ok(202, &b)
	if f := r.bulkRequest.Filter; f == nil || f.Team != "Finance" || r.bulkRequest.IDs != nil {
		t.Errorf("begun with %+v", r.bulkRequest)
	}
}

func TestBulkPreviewHasItemsAndNoID(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	res := r.call(t, http.MethodPost, "/v1/bulk", `{"action":"alert.close","ids":["alr-1"],"preview":true}`)
	var b map[string]any
	if res.ok(200, &b); b["id"] != nil || b["status"] != "preview" || b["total"] != 1.0 {
		t.Errorf("preview: %s", res.Body)
	}
	if !strings.Contains(res.Body.String(), `"items":[{"id":"alr-1","outcome":"done"}]`) {
		t.Errorf("preview: %s", res.Body)
	}
}

func TestBulkItemsArePaged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.bulks["blk-1"] = &ops.Bulk{ID: "blk-1", Total: 250, Status: ops.BulkRunning}
	var page struct {
		Items      []ops.BulkItem
		NextCursor string `json:"next_cursor"`
	}
	read := func(query, item string) (cursor string) {
		t.Helper()
		page.Items, page.NextCursor = nil, ""
		if r.call(t, http.MethodGet, "/v1/bulk/blk-1?"+query, "").ok(200, &page); len(page.Items) != 1 || page.Items[0].ID != item {
			t.Errorf("%s: %+v, want %s", query, page.Items, item)
		}
		return page.NextCursor
	}
	second := read("", "blk-1  0 100")
	third := read("cursor="+second, "blk-1  100 100")
	if last := read("cursor="+third, "blk-1  200 100"); last != "" {
		t.Errorf("behind the last page is %s", last)
	}
	refused := read("limit=1000&outcome=refused", "blk-1 refused 0 1000")
	if refused != "" {
		t.Errorf("behind the last page is %s", refused)
	}
	r.call(t, http.MethodGet, "/v1/bulk/blk-1?outcome=refused&cursor="+second, "").problem(422, ops.CodeInvalid)
}

func TestBadBulkRequestsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for body, path := range map[string]string{
		`{"action":"alert.explode","ids":["a"]}`:                 "$.action",
		`{"ids":["a"]}`:                                          "$.action",
		`{"action":"alert.close","ids":"all"}`:                   "$.ids",
		`{"action":"alert.close","filter":{"colour":"red"}}`:     "$.filter.colour",
		`{"action":"alert.close","ids":["a"],"sudo":true}`:       "$.sudo",
		`{"action":"alert.close","ids":["a"],"preview":"maybe"}`: "$.preview",
	} {
		if p := r.call(t, http.MethodPost, "/v1/bulk", body).problem(422, ops.CodeInvalid); len(p.Errors) == 0 || p.Errors[0].Path != path {
			t.Errorf("%s: %+v, want the path %s", body, p.Errors, path)
		}
	}
	r.call(t, http.MethodGet, "/v1/bulk/blk-9", "").problem(404, ops.CodeNotFound)
	r.bulks["blk-1"] = &ops.Bulk{ID: "blk-1"}
	r.call(t, http.MethodGet, "/v1/bulk/blk-1?cursor=x", "").problem(422, ops.CodeInvalid)
	r.call(t, http.MethodGet, "/v1/bulk/blk-1?outcome=x", "").problem(422, ops.CodeInvalid)
}
