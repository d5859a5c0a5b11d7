package lambda

import (
	"bytes"
	"os"
	"strconv"
)

// peakMemory is the most that a process has had of the machine's memory, in KiB; 0 when it is gone.
func peakMemory(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("\nVmHWM:"))
	rest, _, _ = bytes.Cut(rest, []byte(" kB"))
	n, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
	if err != nil {
		return 0
	}
	return n
}
