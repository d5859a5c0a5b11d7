package timeline_test

import (
	"strings"
	"testing"
	"time"

	"opsflow/shared/ops"
	"opsflow/shared/timeline"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

func links(t *testing.T, letter string) timeline.Links {
	t.Helper()
	l, err := timeline.NewLinks(strings.Repeat(letter, 32))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTokenIsGoodUntilItExpires(t *testing.T) {
	t.Parallel()
	l := links(t, "k")
	token, err := l.Token("bk-1", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if id, until, err := l.Read(token, now.Add(time.Hour-time.Second)); id != "bk-1" || !until.Equal(now.Add(time.Hour)) || err != nil {
		t.Errorf("in time: %q until %v, %v", id, until, err)
	}
	if id, _, err := l.Read(token, now.Add(time.Hour)); id != "" || ops.ErrorCode(err) != ops.CodeGone {
		t.Errorf("expired: %q, %v", id, err)
	}
}

func TestTokenThatWeHaveNotMadeIsUnknown(t *testing.T) {
	t.Parallel()
	l := links(t, "k")
	token, err := l.Token("bk-1", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i := range token {
		for _, c := range "AB_" {
			other := token[:i] + string(c) + token[i+1:]
			if other == token {
				continue
			}
			if id, _, err := l.Read(other, now); id != "" || ops.ErrorCode(err) != ops.CodeNotFound {
				t.Fatalf("with %c at %d: %q, %v", c, i, id, err)
			}
		}
	}
	foreign, err := links(t, "x").Token("bk-1", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"", "AAAA", token + "A", token[:len(token)-1], token + "=", token + "\n", foreign, strings.Repeat("A", 200)} {
		if id, _, err := l.Read(other, now); id != "" || ops.ErrorCode(err) != ops.CodeNotFound {
			t.Errorf("%q: %q, %v", other, id, err)
		}
	}
}

func TestWithoutAKeyThereAreNoLinks(t *testing.T) {
	t.Parallel()
	var none timeline.Links
	if _, err := none.Token("bk-1", now); ops.ErrorCode(err) != ops.CodeUnavailable {
		t.Errorf("a token: %v", err)
	}
	if _, _, err := none.Read(strings.Repeat("A", 100), now); ops.ErrorCode(err) != ops.CodeNotFound {
		t.Errorf("a read: %v", err)
	}
	if _, err := timeline.NewLinks("short"); err == nil {
		t.Error("a short key was taken")
	}
}
