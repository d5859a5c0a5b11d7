package bootstrap

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Build makes the bootstraps of functions/<dir> for this machine, with the flags of the deployed ones, as out/<dir>. root
// is the folder of go.mod. What the compiler says goes to progress.
func Build(ctx context.Context, root, out string, dirs []string, progress io.Writer) error {
	if err := os.MkdirAll(out, 0o750); err != nil {
		return fmt.Errorf("make the folder of the bootstraps: %w", err)
	}
	dirs = slices.Compact(slices.Sorted(slices.Values(dirs)))
	args := []string{"build", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", out + string(filepath.Separator)}
	for _, dir := range dirs {
		args = append(args, "./functions/"+dir)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	if err != nil {
		_, _ = progress.Write(text) // the error below says that it failed
		return fmt.Errorf("build the bootstraps of %s: %w", strings.Join(dirs, ", "), err)
	}
	return nil
}
