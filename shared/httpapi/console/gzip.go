package console

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
)

// worthZipping is from what size on an answer is compressed: below, its headers cost more.
const worthZipping = 1024

// zipped compresses an answer; nil when it is too small for that.
func zipped(body []byte) []byte {
	if len(body) < worthZipping {
		return nil
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(body); err != nil || w.Close() != nil { // a buffer takes everything
		return nil
	}
	return out.Bytes()
}

// takesZip reports whether the visitor's browser reads compressed answers.
func takesZip(r *http.Request) bool {
	for name := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if name, q, _ := strings.Cut(strings.TrimSpace(name), ";"); name == "gzip" && strings.TrimSpace(q) != "q=0" {
			return true
		}
	}
	return false
}
