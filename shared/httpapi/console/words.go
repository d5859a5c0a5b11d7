package console

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"opsflow/shared/ops"
)

// functions are what templates can call.
func functions(a *assets) template.FuncMap {
	return template.FuncMap{
		"asset":   a.url,
		"words":   words,
		"span":    span,
		"pretty":  pretty,
		"value":   value,
		"short":   short,
		"initial": initial,
		"link":    subjectLink,
		"plain":   plain,
		"dict":    dict,

		"called":  called,
		"briefly": briefly,
		"flat":    flat,
		"details": details,

		"recipient":   recipientText,
		"percent":     func(share float64) float64 { return 100 * share },
		"effectURL":   effectURL,
		"effectText":  effectText,
		"targetURL":   targetURL,
		"targetText":  targetText,
		"differences": differences,

		"badge": func(v any) badge { return badgeOf(text(v)) },
	}
}

// dict gives a part of a page several values by name.
func dict(pairs ...any) map[string]any {
	d := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d[text(pairs[i])] = pairs[i+1]
	}
	return d
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.String {
		return r.String()
	}
	return ""
}

// words makes a name of ours readable: waiting_approval is "Waiting approval".
func words(v any) string {
	list := strings.Fields(strings.NewReplacer("_", " ", "-", " ").Replace(text(v)))
	for i, word := range list {
		if slices.Contains(acronyms, word) {
			list[i] = strings.ToUpper(word)
		}
	}
	return upperFirst(strings.Join(list, " "))
}

// acronyms are the words of ours that are written in capitals.
var acronyms = []string{"sla", "sms", "api"}

// sentence begins with a capital and ends with a stop.
func sentence(s string) string {
	s = upperFirst(strings.TrimSpace(s))
	if s == "" || strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

func initial(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return "?"
	}
	return string(unicode.ToUpper(r))
}

// short cuts an id for a list; the whole is behind it.
func short(id string) string {
	const enough = 14
	if len(id) <= enough {
		return id
	}
	return id[:enough] + "…"
}

// pretty lays out JSON for reading; what is not JSON stays as it is.
func pretty(raw json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, raw, "", "  ") != nil {
		return string(raw)
	}
	return out.String()
}

// value is a JSON value for reading: a text as it is, anything else laid out.
func value(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return pretty(raw)
}

// subjectLink leads to the workflows about a subject.
func subjectLink(s ops.SubjectRef) string { return "/workflows?subject=" + url.QueryEscape(s.String()) }

// badge is a status, severity or level with its colour.
type badge struct {
	Text string
	Tone string // a class of console.css
}

// tones are the colours of DESIGN: the same word has the same colour everywhere.
var tones = map[string]string{
	"pending": "amber", "running": "blue", "completed": "green", "failed": "red", "cancelled": "grey",
	"waiting_approval": "violet", "paused": "slate",
	"in_progress": "blue", "skipped": "grey", "waiting": "amber", "dropped": "grey",
	"open": "amber", "claimed": "blue", "rejected": "red", "expired": "grey", "approved": "green", "done": "green",
	"acknowledged": "violet", "resolved": "green", "closed": "grey",
	"low": "green", "medium": "amber", "high": "orange", "critical": "red",
	"active": "green", "shadow": "violet", "off": "grey",
	"valid": "green", "invalid": "red", "matched": "green", "not_matched": "grey", "suppressed": "amber", "error": "red",
	"excellent": "green", "good": "green", "average": "amber", "below_average": "amber", "poor": "red", "insufficient": "grey",
	"published": "green", "refused": "red", "verified": "green", "not_verified": "amber", "not_active": "grey", "requested": "amber", "resent": "blue", "draft": "amber",
	"overdue": "red", "email": "blue", "sms": "violet", "webhook": "slate", "sent": "green", "delivered": "green", "declined": "red", "accepted": "green",
}

func badgeOf(word string) badge {
	tone := tones[word]
	if tone == "" {
		tone = "grey"
	}
	return badge{Text: words(word), Tone: tone}
}
