package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"opsflow/shared/local/clock"
	"opsflow/shared/notify"
	"opsflow/shared/ops"
	"opsflow/shared/store"
	"opsflow/shared/store/storetest"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// bundle is a deliverer whose webhook is a server that answers with the statuses given to it, then with 204.
type bundle struct {
	*notify.Deliverer
	store *store.Store
	clock *clock.Clock
	url   string

	mu       sync.Mutex
	statuses []int
	posts    []post
	during   func() // called once, while a post is being answered
}

type post struct {
	header http.Header
	body   map[string]any
	raw    string
}

func setup(t *testing.T, statuses ...int) *bundle {
	t.Helper()
	b := &bundle{statuses: statuses}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.open(t, server.URL+"/hook?secret=s3cret", server.Client())
	return b
}

func (b *bundle) open(t *testing.T, url string, client *http.Client) {
	t.Helper()
	b.url, b.clock = url, clock.Virtual(start)
	b.store = storetest.InMemory(t, b.clock.Now)
	b.Deliverer = notify.New(notify.Config{Store: b.store, Clock: b.clock, Webhook: url, Client: client})
}

func (b *bundle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	p := post{header: r.Header}
	raw, err := io.ReadAll(r.Body)
	p.raw = string(raw)
	if err == nil {
		err = json.Unmarshal(raw, &p.body)
	}
	if err != nil {
		p.body = map[string]any{"error": err.Error()}
	}
	b.posts = append(b.posts, p)
	status := http.StatusNoContent
	if len(b.statuses) > 0 {
		status, b.statuses = b.statuses[0], b.statuses[1:]
	}
	during := b.during
	b.during = nil
	b.mu.Unlock()
	if during != nil {
		during()
	}
	w.WriteHeader(status)
}

func (b *bundle) wait(t *testing.T, d time.Duration) {
	t.Helper()
	if err := b.clock.Advance(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) stored(t *testing.T) *ops.Notification {
	t.Helper()
	n, err := b.store.Notification(t.Context(), "ntf-1")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func requested(detail string) ops.Envelope {
	return ops.Envelope{
		ID: "e-1", Source: ops.Source, DetailType: string(ops.NotificationRequested), Time: start, Detail: json.RawMessage(detail),
	}
}

var survey = requested(`{"event_id": "ntf-1", "template": "survey_request", "to": {"role": "customer"},
	"data": {"booking_id": "bk-1", "customer": {"name": "Sam"}, "service_type": "cleaning"},
	"subject": {"type": "booking", "id": "bk-1"}, "cause": {"event_id": "evt-1", "depth": 2}}`)

func TestARequestBecomesOnePostAndASentNotification(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Fatal(err)
	}
	if len(b.posts) != 1 {
		t.Fatalf("%d posts, want 1", len(b.posts))
	}
	p := b.posts[0]
	if p.header.Get("webhook-id") != "ntf-1" || p.header.Get("webhook-timestamp") != "1795514400" ||
		p.header.Get("Content-Type") != "application/json" {
		t.Errorf("the headers are %v", p.header)
	}
	text, _ := p.body["text"].(string)
	if p.body["id"] != "ntf-1" || p.body["template"] != "survey_request" || p.body["title"] != "How was your service?" ||
		!strings.Contains(text, "Hello Sam,") || !strings.Contains(text, "cleaning (booking bk-1) is done") {
		t.Errorf("the body is %v", p.body)
	}
	n := b.stored(t)
	if n.Status != ops.NotificationSent || !n.SentAt.Equal(start) || n.Tries != 1 || len(n.Deliveries) != 1 || n.Deliveries[0].Channel != "webhook" ||
		n.Text != text || n.To.Role != "customer" || n.Subject.ID != "bk-1" || n.Cause.EventID != "evt-1" ||
		!n.ExpiresAt.Equal(start.Add(ops.EventRetention)) {
		t.Errorf("stored is %+v", n)
	}
}

func TestADuplicateRequestSendsNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 3 {
		if err := b.HandleEvent(t.Context(), survey); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.posts) != 1 {
		t.Errorf("%d posts, want 1", len(b.posts))
	}
}

func TestADuplicateThatArrivesMeanwhileHasToComeAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.during = func() {
		if err := b.HandleEvent(context.WithoutCancel(t.Context()), survey); ops.ErrorCode(err) != ops.CodeUnavailable {
			t.Errorf("the duplicate gave %v, want unavailable", err)
		}
	}
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Fatal(err)
	}
	if err := b.HandleEvent(t.Context(), survey); err != nil || len(b.posts) != 1 {
		t.Errorf("when it came again: %v, %d posts; want 1", err, len(b.posts))
	}
}

func TestADeliveryThatWasCutOffIsTakenOver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cut := &ops.Notification{
		ID: "ntf-1", Template: "survey_request", Status: ops.NotificationRequestedStatus, Tries: 1,
		Meta: ops.Meta{UpdatedAt: start},
	}
	if err := b.store.Save(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	if err := b.HandleEvent(t.Context(), survey); err == nil {
		t.Error("at once it was sent, although another delivery may be under way")
	}
	b.wait(t, time.Minute)
	if err := b.HandleEvent(t.Context(), survey); err != nil || len(b.posts) != 1 {
		t.Errorf("a minute later: %v, %d posts; want 1", err, len(b.posts))
	}
	if n := b.stored(t); n.Status != ops.NotificationSent || n.Tries != 2 {
		t.Errorf("stored is %+v", n)
	}
}

func TestWhatWasStoredAsRequestedIsSentAsItWasStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := &ops.Notification{ID: "ntf-1", Template: "booking_confirmed", Status: ops.NotificationRequestedStatus}
	if err := b.store.Save(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if err := b.HandleEvent(t.Context(), requested(`{"event_id":"ntf-1","template":"other"}`)); err != nil {
		t.Fatal(err)
	}
	if b.posts[0].body["template"] != "booking_confirmed" {
		t.Errorf("posted %v", b.posts[0].body)
	}
}

func TestAWebhookThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, 503, 429)
	for _, want := range []string{"503", "429"} {
		err := b.HandleEvent(t.Context(), survey)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
		if n := b.stored(t); n.Status != ops.NotificationFailed || !strings.Contains(n.Error, want) {
			t.Errorf("stored is %+v", n)
		}
	}
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Error(err)
	}
	if n := b.stored(t); n.Status != ops.NotificationSent || n.Tries != 3 || n.Error != "" {
		t.Errorf("stored is %+v, want sent at the third try", n)
	}
}

func TestAWebhookThatCannotBeReachedIsTriedAgainAndItsAddressKeptSecret(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	b := &bundle{}
	b.open(t, server.URL+"/hook?secret=s3cret", server.Client())
	if err := b.HandleEvent(t.Context(), survey); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v, want an error without the address", err)
	}
	if n := b.stored(t); n.Status != ops.NotificationFailed || n.Error == "" || strings.Contains(n.Error, "s3cret") {
		t.Errorf("stored is %+v", n)
	}
}

func TestAMessageThatTheWebhookRefusesFailsForGood(t *testing.T) {
	t.Parallel()
	b := setup(t, 400)
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Errorf("got %v, want nil: trying again would not help", err)
	}
	if n := b.stored(t); n.Status != ops.NotificationFailed || !strings.Contains(n.Error, "400") || !n.SentAt.IsZero() {
		t.Errorf("stored is %+v", n)
	}
}

func TestWithoutAWebhookANotificationFailsAndSaysSo(t *testing.T) {
	t.Parallel()
	b := &bundle{}
	b.open(t, "", http.DefaultClient)
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	if n := b.stored(t); n.Status != ops.NotificationFailed || !strings.Contains(n.Error, "no webhook is configured") {
		t.Errorf("stored is %+v", n)
	}
}

func TestAnEventThatAsksForNothingIsInvalid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := survey
	other.DetailType = "booking_created"
	for path, env := range map[string]ops.Envelope{
		"$.detail-type":     other,
		"$.detail must":     requested(`[]`),
		"$.detail.event_id": requested(`{"template": "generic"}`),
		"$.detail.template": requested(`{"event_id": "ntf-1"}`),
	} {
		err := b.HandleEvent(t.Context(), env)
		if ops.ErrorCode(err) != ops.CodeInvalid || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v, want invalid with path %s", err, path)
		}
	}
	if len(b.posts) != 0 {
		t.Errorf("%d posts, want none", len(b.posts))
	}
}

func TestEveryMessageReadsWellWithAndWithoutData(t *testing.T) {
	t.Parallel()
	full := `{"booking_id":"bk-1","payment_id":"pay-1","amount":12.50,"currency":"AED","scheduled_for":"2026-12-01T09:00:00Z",
		"customer":{"name":"Sam"},"vendor":{"name":"Blue Pipe"},"location":{"address":"1 Main Street"},"title":"Look",
		"answer":"We are sorry.","refund_amount":49.90,"refund_currency":"AED","reason":"rain","completed_at":"2026-12-01T11:00:00Z",
		"alert_id":"alr-1","severity":"high","detail":"It is late.","last_seen_at":"2026-12-01T11:00:00Z"}`
	for _, name := range append(notify.Templates(), "unheard_of") {
		for _, data := range []string{"{}", full} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				err := b.HandleEvent(t.Context(), requested(`{"event_id":"ntf-1","template":"`+name+`","data":`+data+`}`))
				if err != nil {
					t.Fatal(err)
				}
				n := b.stored(t)
				for _, wrong := range []string{"<no value>", "<nil>", "{{", "  ", " ,", " ."} {
					if strings.Contains(n.Title+"\n"+n.Text, wrong) {
						t.Errorf("it holds %q: %s\n%s", wrong, n.Title, n.Text)
					}
				}
				if n.Title == "" || (n.Text == "" && data == full) {
					t.Errorf("it says nothing: %q, %q", n.Title, n.Text)
				}
			})
		}
	}
}

func TestAMessageWithoutATemplateOfItsOwnListsItsData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.HandleEvent(t.Context(), requested(`{"event_id":"ntf-1","template":"vendor_suspended",
		"subject":{"type":"vendor","id":"v-1"},"data":{"score":41.5,"reason":"late","none":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if n := b.stored(t); n.Title != "Vendor suspended (vendor v-1)" || n.Text != "reason: late\nscore: 41.5" {
		t.Errorf("it says %q, %q", n.Title, n.Text)
	}
}

func fields(customer string) map[string]json.RawMessage {
	return map[string]json.RawMessage{"customer": json.RawMessage(customer)}
}
