package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"opsflow/shared/notify"
	"opsflow/shared/ops"
)

// channel remembers what was sent through it.
type channel struct {
	sent []string
	err  error
	bus  []ops.OutEvent
}

func (c *channel) SendEmail(_ context.Context, _, to, title, _ string) error {
	c.sent = append(c.sent, "email "+to+" "+title)
	return c.err
}

func (c *channel) SendSMS(_ context.Context, _, to, text string) error {
	c.sent = append(c.sent, "sms "+to+" "+text)
	return c.err
}

func (c *channel) Put(_ context.Context, events ...ops.OutEvent) error {
	c.bus = append(c.bus, events...)
	return nil
}

// with makes the bundle's deliverer send through a channel, and stores whom it may tell.
func (b *bundle) with(t *testing.T, c *channel, webhook string) {
	t.Helper()
	b.Deliverer = notify.New(notify.Config{
		Store: b.store, Clock: b.clock, Client: http.DefaultClient, Webhook: webhook, Email: c, SMS: c, Bus: c,
		Teams: map[ops.Team]string{ops.QualityAssurance: "quality@example.com"},
	})
	for _, r := range []ops.Record{
		&ops.Member{ID: "ann", Name: "Ann", Teams: []ops.Team{ops.Finance}, Active: true, Email: "ann@example.com", Phone: "+971500000001"},
		&ops.Member{ID: "bob", Name: "Bob", Teams: []ops.Team{ops.Finance}, Active: true, Email: "bob@example.com"},
		&ops.Member{ID: "cem", Name: "Cem", Teams: []ops.Team{ops.Finance}, Email: "cem@example.com"},
		&ops.Vendor{ID: "v-1", Name: "V", Email: "v@example.com", Phone: "+971500000002"},
		&ops.Subject{SubjectRef: ops.SubjectRef{Type: "booking", ID: "bk-1"}, Fields: fields(`{"email":"sam@example.com","phone":"+971500000003"}`)},
	} {
		if err := b.store.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhoIsToldAndHow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, detail string
		want         []string
	}{
		{"a team, through those who are there", `"to":{"team":"Finance"}`, []string{"email ann@example.com", "email bob@example.com"}},
		{"a team with an address", `"to":{"team":"Quality_Assurance"}`, []string{"email quality@example.com"}},
		{"a team in a critical matter", `"to":{"team":"Finance"},"data":{"severity":"critical"}`, []string{"email ann@example.com", "email bob@example.com", "sms +971500000001"}},
		{"a member", `"to":{"member":"bob"}`, []string{"email bob@example.com"}},
		{"the vendor of the message", `"to":{"role":"vendor"},"data":{"vendor_id":"v-1","urgency":"high"}`, []string{"email v@example.com", "sms +971500000002"}},
		{"the customer of the booking", `"to":{"role":"customer"},"subject":{"type":"booking","id":"bk-1"}`, []string{"email sam@example.com"}},
		{"the customer of a payment", `"to":{"role":"customer"},"subject":{"type":"payment","id":"p-1"},"data":{"booking_id":"bk-1"}`, []string{"email sam@example.com"}},
		{"an address", `"to":{"address":"x@example.com"}`, []string{"email x@example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, ch := setup(t), &channel{}
			b.with(t, ch, "")
			if err := b.HandleEvent(t.Context(), requested(`{"event_id":"ntf-1","template":"generic",`+c.detail+`}`)); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range ch.sent {
				got = append(got, strings.Join(strings.Fields(s)[:2], " "))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("told %q, want %q", got, c.want)
			}
			if n := b.stored(t); n.Status != ops.NotificationSent || len(n.Deliveries) != len(c.want) {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestAFailedMessageIsSentAgainOnlyToWhomItHasNotReached(t *testing.T) {
	t.Parallel()
	b, ch := setup(t), &channel{err: errors.New("the address is not verified")}
	b.with(t, ch, "")
	ask := requested(`{"event_id":"ntf-1","template":"generic","to":{"team":"Finance"}}`)
	for range 2 { // it comes again: nothing is tried again that will not pass by itself
		if err := b.HandleEvent(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
	}
	failed, err := b.store.Notifications(t.Context(), ops.NotificationFilter{Status: ops.NotificationFailed})
	if err != nil || len(failed.Items) != 1 || !strings.Contains(failed.Items[0].Error, "not verified") || len(ch.sent) != 2 {
		t.Fatalf("%+v, %v, sent %q", failed.Items, err, ch.sent)
	}
	n := b.stored(t)
	n.Deliveries[0].Status = ops.DeliverySent
	if err := b.store.Save(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	ch.sent, ch.err = nil, nil
	if _, err := b.Resend(t.Context(), "ntf-1", ops.Actor{ID: "ada"}); err != nil || len(ch.bus) != 1 || ch.bus[0].ID != "ntf-1" {
		t.Fatalf("%v, asked %+v", err, ch.bus)
	}
	if err := b.HandleEvent(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	if n := b.stored(t); n.Status != ops.NotificationSent || len(ch.sent) != 1 || !strings.HasPrefix(ch.sent[0], "email bob@") {
		t.Errorf("sent %q, %+v", ch.sent, n)
	}
	if _, err := b.Resend(t.Context(), "ntf-1", ops.Actor{ID: "ada"}); ops.ErrorCode(err) != ops.CodeIllegalMove {
		t.Errorf("sending what was sent: %v", err)
	}
}

// An e-mail that was cut off on its way may have arrived: nobody is told twice by itself.
func TestAnEmailThatWasCutOffIsNotSentAgainByItself(t *testing.T) {
	t.Parallel()
	b, ch := setup(t), &channel{}
	b.with(t, ch, "")
	cut := &ops.Notification{
		ID: "ntf-1", Template: "generic", Title: "T", Status: ops.NotificationRequestedStatus, Tries: 1, Meta: ops.Meta{UpdatedAt: start},
		Deliveries: []ops.Way{{Channel: "email", To: "ann@example.com", Status: ops.DeliverySending}, {Channel: "email", To: "bob@example.com", Status: ops.DeliveryPending}},
	}
	if err := b.store.Save(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	b.wait(t, time.Minute)
	if err := b.HandleEvent(t.Context(), requested(`{"event_id":"ntf-1","template":"generic"}`)); err != nil {
		t.Fatal(err)
	}
	n := b.stored(t)
	if len(ch.sent) != 1 || n.Status != ops.NotificationFailed || !strings.Contains(n.Error, "it may have arrived") {
		t.Errorf("sent %q, %+v", ch.sent, n)
	}
}

func TestWebhooksAreSignedAsStandardWebhooksSays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, bad := range []string{"whsec_short", "whsec_c2hvcnQ="} {
		if _, err := notify.ParseSecret(bad); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	key := []byte("0123456789abcdef01234567")
	secret, err := notify.ParseSecret("whsec_" + base64.StdEncoding.EncodeToString(key))
	if err != nil {
		t.Fatal(err)
	}
	b.Deliverer = notify.New(notify.Config{Store: b.store, Clock: b.clock, Client: http.DefaultClient, Webhook: b.url, Secret: secret})
	if err := b.HandleEvent(t.Context(), survey); err != nil {
		t.Fatal(err)
	}
	p := b.posts[0]
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("ntf-1." + p.header.Get("webhook-timestamp") + "." + p.raw))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); p.header.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", p.header.Get("webhook-signature"), want)
	}
}
