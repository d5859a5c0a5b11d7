package workflow_test

import (
	"strings"
	"testing"

	"opsflow/shared/ops"
)

func TestCreatingAndPublishingATemplateIsWrittenDown(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	made, err := b.CreateTemplate(t.Context(), []byte(document(`{"id": "a", "name": "A", "kind": "manual"}`)), admin)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // publishing again changes nothing
		if _, err := b.Publish(t.Context(), made.Name, made.Version, admin, true); err != nil {
			t.Fatal(err)
		}
	}
	trail, err := b.store.AuditTrail(t.Context(), ops.AuditFilter{Target: made.Ref()})
	if err != nil {
		t.Fatal(err)
	}
	if len(trail.Items) != 2 || trail.Items[0].Action != "template.create" || trail.Items[1].Action != "template.publish" {
		t.Fatalf("the trail is %+v", trail.Items)
	}
	if e := trail.Items[1]; e.Actor.ID != admin.ID || !strings.Contains(string(e.After), `"published":true`) {
		t.Errorf("publishing is told as %+v", e)
	}
	if err := ops.VerifyTrail(trail.Items); err != nil {
		t.Error(err)
	}
}
