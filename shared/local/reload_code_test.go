package local_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"opsflow/shared/local"
)

// shed is the source of a system with one function.
func shed(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(root, name), string(text))
	}
	parameters := ""
	for _, name := range []string{
		"OidcIssuer", "OidcClientIds", "ConsoleClientId", "ConsoleSessionKey", "NotifyWebhookUrl", "NotifyEmailFrom", "NotifySms", "TimelineKey", "PrivateCalls",
	} {
		parameters += "  " + name + ": {Type: String}\n"
	}
	put(t, filepath.Join(root, "template.yaml"), "Parameters:\n"+parameters+`
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: records
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
  Say:
    Type: AWS::Serverless::Function
    Metadata: {Source: functions/api}
    Properties:
      FunctionName: say
      Timeout: 20
      Environment: {Variables: {WHOM: you, TABLE_NAME: !Ref Table}}

Outputs:
  None: {Value: none}
`)
	put(t, filepath.Join(root, "functions", "api", "main.go"), sayProgram("hello"))
	return root
}

func sayProgram(what string) string {
	return `package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func() (string, error) { return "` + what + ` " + os.Getenv("WHOM"), nil })
}
`
}

func TestSavedCodeRunsInTheNextInvocationOfAProcess(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, shed(t), func(o *local.Options) { o.Processes, o.Demo = true, false })
	says := func(want string) {
		t.Helper()
		if got := w.invoke("say", "{}"); string(got.body) != `"`+want+`"` {
			t.Errorf("it says %s, want %s", got.body, want)
		}
	}
	says("hello you")
	const file = "functions/api/main.go"
	w.save(file, sayProgram("goodbye"), "function say built again")
	says("goodbye you")
	w.save("template.yaml", strings.Replace(w.read("template.yaml"), "WHOM: you", "WHOM: them", 1), "function say changed")
	says("goodbye them")
	w.save(file, sayProgram("nobody")+"nonsense", "main.go:", "The functions go on as they were.")
	says("goodbye them")
	w.save(file, sayProgram("again"), "function say built again")
	says("again them")
}

func TestSavedCodeOfThisProgramIsBuiltForItsRestart(t *testing.T) {
	t.Parallel()
	root, again := checkout(t), make(chan string, 1)
	put(t, filepath.Join(root, "go.mod"), "module opsflow\n\ngo 1.26\n")
	told := make(lines, 1000)
	o := options()
	o.Template, o.Progress, o.Data = filepath.Join(root, "template.yaml"), told, t.TempDir()
	rt := start(t, o)
	if err := rt.Watch(t.Context(), func(binary string) { again <- binary }); err != nil {
		t.Fatal(err)
	}
	w := &workshop{system: newSystem(t, rt), rt: rt, root: root, told: told}
	const file = "shared/cmd/opsflow/main.go"
	w.save(file, "package main\n\nfunc main() {\n\tnonsense\n}\n", "main.go:4", "The program goes on as it was.")
	w.save(file, "package main\n\nfunc main() { panic(1) }\n", "what was built does not run", "The program goes on as it was.")
	w.save(file, "package main\n\nfunc main() { println(\"new\") }\n")
	if out, err := exec.CommandContext(t.Context(), <-again).CombinedOutput(); err != nil || string(out) != "new\n" {
		t.Errorf("the new program: %s %v", out, err)
	}
}

func TestChangedCodeNeedsARestartWhereNothingIsKept(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, checkout(t))
	w.save("shared/store/store.go", "package store\n", "start opsflow dev again")
}

// A program that is run in the place of opsflow dev has its process, its addresses and its data.
func TestDevGoesOnAsTheProgramThatWasBuilt(t *testing.T) {
	t.Parallel()
	binary := buildOpsflow(t)
	root := checkout(t)
	put(t, filepath.Join(root, "go.mod"), "module opsflow\n\ngo 1.26\n")
	said := filepath.Join(t.TempDir(), "said")
	p := runDev(t, binary, t.TempDir(), "--watch", "--template", filepath.Join(root, "template.yaml"))
	put(t, filepath.Join(root, "shared", "cmd", "opsflow", "main.go"), `package main

import (
	"fmt"
	"os"
)

func main() {
	if os.Args[1] == "dev" {
		_ = os.WriteFile("`+said+`", fmt.Appendln(nil, os.Getpid(), os.Args), 0o600)
	}
}
`)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	text, err := os.ReadFile(said)
	if err != nil {
		t.Fatal(err)
	}
	port := func(url string) string { return url[strings.LastIndexByte(url, ':')+1:] }
	for _, want := range []string{
		strconv.Itoa(p.cmd.Process.Pid) + " [", " --watch ", "--aws-port=" + port(p.system.awsURL), "--api-port=" + port(p.system.apiURL),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the new program was started as %s, want %s in it", text, want)
		}
	}
}
