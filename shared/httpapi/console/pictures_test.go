package console_test

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"opsflow/shared/httpapi/console"
	"opsflow/shared/local/clock"
)

// screenshots is where the pages are written as PNG; empty: nowhere. `make screenshots` sets it.
var screenshots = flag.String("screenshots", "", "write a PNG of each page, light and dark, wide and narrow, into this folder")

// shown waits until a page shows its heading. By default chromedp searches texts and attributes too, and "h1" is in many.
var shown = chromedp.WaitVisible(chromedp.CSS("main h1"))

// looks are how pages are looked at.
var looks = []struct {
	name, scheme  string
	width, height int64
}{
	{"light", "light", 1440, 900}, {"dark", "dark", 1440, 900}, {"tablet", "light", 1120, 900}, {"narrow", "light", 390, 844}, {"narrow-dark", "dark", 390, 844},
}

// visits are the pages, and how one gets there: by an address, then maybe by the first link that a selector finds on it.
var visits = []struct{ name, path, follow string }{
	{"dashboard", "/", ""},
	{"workflows", "/workflows", ""},
	{"workflows-none", "/workflows?subject=booking/none", ""},
	{"workflow-waiting", "/workflows?template=payment_processing&status=waiting_approval", "tbody a.strong"},
	{"workflow-failed", "/workflows?status=failed", "tbody a.strong"},
	{"workflow-completed", "/workflows?template=complaint_resolution", "tbody a.strong"},
	{"workflow-long", "{long}", ""},
	{"start", "/workflows/start", ""},
	{"start-form", "/workflows/start?template=payment_processing", ""},
	{"tasks", "/tasks?team=all", ""},
	{"tasks-mine", "/tasks", ""},
	{"task-payment", "/tasks?team=Finance&status=open", "tbody a.strong"},
	{"task-operations", "/tasks?team=Operations&status=open", "tbody a.strong"},
	{"task-decided", "/tasks?team=Quality_Assurance&status=completed", "tbody a.strong"},
	{"alerts", "/alerts?status=any", ""},
	{"alerts-open", "/alerts", ""},
	{"alert", "/alerts", "tbody a.strong"},
	{"rules", "/rules", ""},
	{"rule", "/rules/quality-check", ""},
	{"rule-new", "/rules/new", ""},
	{"rule-edit", "/rules/quality-check/edit", ""},
	{"backtest", "{backtest}", ""},
	{"events", "/events", ""},
	{"event", "/events?type=booking_created&status=valid", "tbody a.strong"},
	{"event-invalid", "/events?status=invalid", "tbody a.strong"},
	{"replay", "/events/replay", ""},
	{"vendors", "/vendors", ""},
	{"vendor", "/vendors/vendor-sparkle", ""},
	{"ranking", "/vendors/rank?booking=bk-1", ""},
	{"templates", "/templates", ""},
	{"template", "/templates", "tbody a.strong"},
	{"bulks", "/bulk", ""},
	{"bulk", "{bulk}", ""},
	{"members", "/members", ""},
	{"member", "/members", "tbody a.strong"},
	{"member-new", "/members/new", ""},
	{"connections", "/connections", ""},
	{"connection", "/connections", "tbody a.strong"},
	{"connection-new", "/connections/new", ""},
	{"delivery", "/delivery", ""},
	{"message", "/delivery", "tbody a.strong"},
	{"undelivered-events", "/delivery/undelivered", ""},
	{"undelivered-event", "/delivery/undelivered", "tbody a.strong"},
	{"audit", "/audit", ""},
	{"outbox", "/outbox", ""},
	{"missing", "/nowhere", ""},
}

func TestEveryPageFitsItsWindowInBothSchemes(t *testing.T) {
	t.Parallel()
	paths, err := console.PagePaths()
	if err != nil {
		t.Fatal(err)
	}
	var pages http.ServeMux
	unseen := map[string]bool{}
	for _, path := range paths {
		unseen["GET "+path] = true
		pages.HandleFunc("GET "+path, http.NotFound)
	}
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	made := s.marketplace(t)
	b.do(t, chromedp.Navigate(s.APIURL()+"/sign-in"), chromedp.WaitVisible("#as-admin"))
	b.picture(t, "sign-in")
	s.signIn(t, b, "admin", "/tasks")
	for _, visit := range visits {
		path := visit.path
		if name, ok := strings.CutPrefix(path, "{"); ok {
			path = made[strings.TrimSuffix(name, "}")]
		}
		b.do(t, chromedp.Navigate(s.APIURL()+path), shown)
		if visit.follow != "" {
			link := ask(t, b, chromedp.Evaluate[string](`(document.querySelector("`+visit.follow+`") || {}).href || ""`))
			if link == "" {
				t.Errorf("%s: %s has nothing to follow", visit.name, path)
				continue
			}
			b.do(t, chromedp.Navigate(link), shown)
		}
		if failed := ask(t, b, chromedp.Evaluate[bool](`document.querySelector(".message .code") !== null`)); failed != (visit.name == "missing") {
			t.Errorf("%s: %s", visit.name, b.text(t, "main"))
		}
		at := ask(t, b, chromedp.Evaluate[string](`location.pathname`))
		_, pattern := pages.Handler(httptest.NewRequestWithContext(t.Context(), http.MethodGet, at, nil))
		delete(unseen, pattern)
		b.picture(t, visit.name)
	}
	for pattern := range unseen {
		t.Errorf("no picture is of %s", pattern)
	}
	b.do(t, chromedp.Navigate(s.APIURL()+"/sign-out"), shown)
	b.picture(t, "signed-out")
}

// picture looks at the page in every way, and keeps what it saw if -screenshots asks for it. A page may never be wider than
// the window.
func (b *browser) picture(t *testing.T, name string) {
	t.Helper()
	for _, look := range looks {
		b.do(t, chromedp.EmulateViewport(look.width, look.height), scheme(look.scheme))
		if wide := ask(t, b, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); wide > int(look.width) {
			t.Errorf("%s is %d wide in a window of %d", name, wide, look.width)
		}
		if look.scheme == "light" { // the other differs in its colours only
			b.tidy(t, name, look.name)
		}
		if *screenshots == "" {
			continue
		}
		const lossless = 100 // PNG
		// The whole page, with what sticks to the window's edges.
		tall := max(look.height, ask(t, b, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`)))
		b.do(t, chromedp.EmulateViewport(look.width, tall))
		image := ask(t, b, chromedp.FullScreenshot(lossless))
		if err := os.WriteFile(filepath.Join(*screenshots, name+"-"+look.name+".png"), image, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b.do(t, chromedp.EmulateViewport(looks[0].width, looks[0].height), scheme(looks[0].scheme))
}

// scheme makes the browser prefer light or dark.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	})
}
