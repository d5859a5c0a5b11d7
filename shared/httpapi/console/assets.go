package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"opsflow/shared/workflow/graph"
)

//go:embed assets
var assetFiles embed.FS

// assetPath is where assets are served. Their names carry a hash of their content, so they are kept for a year.
const assetPath = "/assets/"

type asset struct {
	body []byte
	zip  func() []byte // the same, compressed when it is first asked for; nil: it is not worth it
	kind string        // media type
}

type assets struct {
	byURL  map[string]asset
	byName map[string]string // console.css -> /assets/console.<hash>.css
}

func loadAssets() (*assets, error) {
	a := &assets{byURL: map[string]asset{}, byName: map[string]string{}}
	entries, err := fs.ReadDir(assetFiles, "assets")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		body, err := assetFiles.ReadFile("assets/" + e.Name())
		if err != nil {
			return nil, err
		}
		if e.Name() == "console.css" {
			body = append(append(body, '\n'), graph.Style...)
		}
		sum := sha256.Sum256(body)
		ext := path.Ext(e.Name())
		url := assetPath + strings.TrimSuffix(e.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.byName[e.Name()] = url
		a.byURL[url] = asset{body: body, zip: sync.OnceValue(func() []byte { return zipped(body) }), kind: mime.TypeByExtension(ext)}
	}
	return a, nil
}

// url is where an asset is served; a name that is none of ours is a defect of a template, and shows as a broken link in tests.
func (a *assets) url(name string) string { return a.byName[name] }

// ServeHTTP gives an asset. One with another hash is not there: it belongs to another version of the program.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := a.byURL[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", found.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	body := found.body
	if zip := found.zip(); zip != nil && takesZip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		body = zip
	}
	_, _ = w.Write(body) // the visitor has gone if this fails
}
