package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"opsflow/shared/local/clock"
)

func TestWhatCouldNotBeDeliveredIsListedAndPutAwayInTheBrowser(t *testing.T) {
	t.Parallel()
	s, b := startSystem(t, clock.Virtual(morning)), openBrowser(t)
	s.invokeLater(t, "opsflow-deliver-notification", `"no event"`)
	if err := s.Clock().Advance(t.Context(), 10*time.Minute); err != nil { // Lambda tries three times
		t.Fatal(err)
	}
	s.signIn(t, b, "operations", "/delivery/undelivered")
	b.do(t, chromedp.Click("tbody a.strong"), chromedp.WaitVisible(".card.wrong"))
	if why := b.text(t, ".card.wrong"); !strings.Contains(why, "no event") && !strings.Contains(why, "unmarshal") {
		t.Errorf("the reason is %q", why)
	}
	b.do(t,
		chromedp.Click("#do-close summary"),
		chromedp.WaitVisible(`#do-close [name="reason"]`),
		chromedp.SetValue(`#do-close [name="reason"]`, "somebody's test"),
		chromedp.Click("#do-close button"),
		chromedp.WaitNotPresent("#do-close"),
	)
	if summary := b.text(t, ".card.summary"); !strings.Contains(summary, "somebody's test") {
		t.Errorf("afterwards the page says %q", summary)
	}
	b.clean(t)
}

// invokeLater invokes a function asynchronously, as AWS's services do.
func (s system) invokeLater(t *testing.T, function, payload string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.AWSURL()+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("invoke %s: %s", function, res.Status)
	}
}
