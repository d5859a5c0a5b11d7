package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheCommandsOfTheREADMEAreCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("\\.bin/opsflow ([^#`\\n]+)").FindAllStringSubmatch(string(text), -1)
	if len(found) < 10 {
		t.Fatalf("only %d commands were found", len(found))
	}
	for _, f := range found {
		var cli commandLine
		parser, err := newParser(&cli, streams{out: io.Discard, err: io.Discard}, func(int) {})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(strings.ReplaceAll(f[1], `"`, ""))); err != nil {
			t.Errorf("opsflow %s: %v", f[1], err)
		}
	}
}
