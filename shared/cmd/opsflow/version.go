package main

import (
	"io"
	"runtime"
	"runtime/debug"
)

// build says which opsflow this is.
type build struct {
	Version  string `json:"version"`            // of the module; (devel) when it was built from a working tree
	Revision string `json:"revision,omitempty"` // the commit
	Modified bool   `json:"modified"`           // by something that is in no commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild is what the Go toolchain wrote into the program.
func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

type versionCommand struct{}

// Run prints it.
func (c *versionCommand) Run(s *session) error {
	b := thisBuild()
	return s.showValue(b, func(w io.Writer) {
		field(w, "version", b.Version)
		field(w, "revision", b.Revision)
		if b.Modified {
			field(w, "modified", "yes: it has changes that are in no commit")
		}
		field(w, "go", b.Go)
		field(w, "platform", b.Platform)
	})
}
