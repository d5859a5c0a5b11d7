package states_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"opsflow/shared/local/s3"
	"opsflow/shared/local/states"
)

// withObjects gives the rig an S3 with a bucket, data, and the objects; dir is the bucket's folder.
func (r *rig) withObjects(t *testing.T, objects map[string]string) (dir string) {
	t.Helper()
	root := t.TempDir()
	store, err := s3.New(root, r.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.CreateBucket("data"); err != nil {
		t.Fatal(err)
	}
	for key, text := range objects {
		if _, err := store.Put("data", key, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	handler := s3.Handler(store, "us-east-1")
	r.call = func(ctx context.Context, c states.Call) ([]byte, error) {
		request, err := s3.Request("http://127.0.0.1", c.Operation, c.Input)
		if err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, request.WithContext(ctx))
		body, err := io.ReadAll(w.Body)
		if err != nil {
			return nil, err
		}
		return s3.Answer(c.Operation, w.Code, w.Header(), body)
	}
	r.restart(t)
	return filepath.Join(root, "data")
}

func mapOver(fields string) string {
	return `{"StartAt": "M", "States": {"M": {"Type": "Map", ` + fields + ` "ItemProcessor": {
		"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
		"Catch": [{"ErrorEquals": ["States.ItemReaderFailed", "States.ResultWriterFailed"], "Next": "Caught"}], "End": true},
		"Caught": {"Type": "Pass", "OutputPath": "$.Error", "End": true}}}`
}

func itemReader(key, config string) string {
	return `"ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "data", "Key.$": "$.` + key + `"}, "ReaderConfig": {` + config + `}},`
}

func TestItemsAreReadFromAnObject(t *testing.T) {
	t.Parallel()
	objects := map[string]string{
		"list": `[1,2,3]`, "deep": `{"a":[{"b/c":[1]}]}`, "object": `{"k":1,"l":2}`, "lines": "1\n\n{\"n\":2}\n", "broken": `[1,`, "text": `"x"`,
		"csv": "\ufeffid,name\n1,\"a,b\"\n2\n3,c,more\n", "piped": "1|x\n2|y\n",
	}
	for name, c := range map[string]struct{ fields, key, want string }{
		"JSON":               {`"InputType": "JSON"`, "list", `[1,2,3]`},
		"a pointer":          {`"InputType": "JSON", "ItemsPointer": "/a/0/b~1c"`, "deep", `[1]`},
		"an object":          {`"InputType": "JSON"`, "object", `[{"Key":"k","Value":1},{"Key":"l","Value":2}]`},
		"not all":            {`"InputType": "JSON", "MaxItems": 2`, "list", `[1,2]`},
		"as many as told":    {`"InputType": "JSON", "MaxItemsPath": "$.most"`, "list", `[1]`},
		"JSON lines":         {`"InputType": "JSONL"`, "lines", `[1,{"n":2}]`},
		"CSV":                {`"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"`, "csv", `[{"id":"1","name":"a,b"},{"id":"2","name":""},{"id":"3","name":"c"}]`},
		"CSV without a head": {`"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["n", "s"], "CSVDelimiter": "PIPE"`, "piped", `[{"n":"1","s":"x"},{"n":"2","s":"y"}]`},
		"no object":          {`"InputType": "JSON"`, "none", `"States.ItemReaderFailed"`},
		"no JSON":            {`"InputType": "JSON"`, "broken", `"States.ItemReaderFailed"`},
		"no JSON lines":      {`"InputType": "JSONL"`, "broken", `"States.ItemReaderFailed"`},
		"no items":           {`"InputType": "JSON"`, "text", `"States.ItemReaderFailed"`},
		"nothing there":      {`"InputType": "JSON", "ItemsPointer": "/a/7"`, "deep", `"States.ItemReaderFailed"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.withObjects(t, objects)
			arn := r.start(t, mapOver(itemReader("key", c.fields)), `{"key":"`+c.key+`","most":1}`)
			r.idle(t)
			r.wantSucceeded(t, arn, c.want)
		})
	}
}

func TestItemsAreTheObjectsOfABucket(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.withObjects(t, map[string]string{"in/a": "1", "in/b": "22", "out/c": "3"})
	arn := r.start(t, mapOver(`"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "data", "Prefix": "in/", "MaxKeys": 1}},
		"ItemSelector": {"key.$": "$$.Map.Item.Value.Key", "size.$": "$$.Map.Item.Value.Size"},`), `{}`)
	r.idle(t)
	r.wantSucceeded(t, arn, `[{"key":"in/a","size":1},{"key":"in/b","size":2}]`)
}

func TestResultsAreWritten(t *testing.T) {
	t.Parallel()
	const to = `"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data", "Prefix": "results/of"}`
	for name, c := range map[string]struct {
		writer, file, want string // want is the file's text; empty: not compared
	}{
		"as they are": {to, "SUCCEEDED_0.json", ""},
		"compact":     {to + `, "WriterConfig": {"OutputType": "JSON", "Transformation": "COMPACT"}`, "SUCCEEDED_0.json", `[[1],[2]]`},
		"flat":        {to + `, "WriterConfig": {"OutputType": "JSON", "Transformation": "FLATTEN"}`, "SUCCEEDED_0.json", `[1,2]`},
		"lines":       {to + `, "WriterConfig": {"OutputType": "JSONL", "Transformation": "COMPACT"}`, "SUCCEEDED_0.jsonl", "[1]\n[2]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			dir := r.withObjects(t, nil)
			arn := r.start(t, mapOver(`"ResultWriter": {`+c.writer+`},`), `[[1],[2]]`)
			r.idle(t)
			var out struct {
				MapRunArn           string
				ResultWriterDetails struct{ Bucket, Key string }
			}
			if err := json.Unmarshal([]byte(deref(r.describe(t, arn).Output)), &out); err != nil {
				t.Fatal(err)
			}
			_, id, _ := strings.Cut(out.MapRunArn, "mapRun:machine/")
			folder := "results/of/" + id[strings.IndexByte(id, ':')+1:]
			if out.ResultWriterDetails.Bucket != "data" || out.ResultWriterDetails.Key != folder+"/manifest.json" || out.MapRunArn != r.mapRun(t, arn).ARN {
				t.Errorf("got %+v", out)
			}
			text, err := os.ReadFile(filepath.Join(dir, folder, c.file))
			if err != nil || c.want != "" && string(text) != c.want {
				t.Errorf("got %s, %v", text, err)
			}
			var all []struct{ ExecutionArn, Status, Input, Output string }
			if c.want == "" {
				if err := json.Unmarshal(text, &all); err != nil || len(all) != 2 || all[0].Status != "SUCCEEDED" || all[1].Output != `[2]` || all[1].Input != `[2]` {
					t.Errorf("got %s, %v", text, err)
				}
			}
			manifest, err := os.ReadFile(filepath.Join(dir, folder, "manifest.json"))
			if want := `"SUCCEEDED":[{"Key":"` + folder + "/" + c.file + `"`; err != nil || !strings.Contains(string(manifest), want) {
				t.Errorf("the manifest is %s, %v", manifest, err)
			}
		})
	}
	t.Run("nowhere", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		r.withObjects(t, nil)
		arn := r.start(t, mapOver(`"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "none"}},`), `[1]`)
		r.idle(t)
		r.wantSucceeded(t, arn, `"States.ResultWriterFailed"`)
	})
	t.Run("not at all", func(t *testing.T) {
		t.Parallel()
		r := newRig(t)
		arn := r.start(t, mapOver(`"ResultWriter": {"WriterConfig": {"OutputType": "JSON", "Transformation": "FLATTEN"}},`), `[[1],[2,3]]`)
		r.idle(t)
		r.wantSucceeded(t, arn, `[1,2,3]`)
	})
}

func TestFailuresAreWrittenToo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	dir := r.withObjects(t, nil)
	definition := strings.Replace(mapOver(`"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "data", "Prefix": ""}},`),
		`{"Type": "Pass", "End": true}}}`, `{"Type": "Fail", "Error": "Bad", "Cause": "it is"}}}`, 1)
	arn := r.start(t, definition, `[1]`)
	r.idle(t)
	if x := r.describe(t, arn); x.Status != states.StatusFailed {
		t.Fatalf("got %+v", x)
	}
	run := r.mapRun(t, arn).ARN
	text, err := os.ReadFile(filepath.Join(dir, run[strings.LastIndexByte(run, ':')+1:], "FAILED_0.json"))
	if err != nil || !strings.Contains(string(text), `"Cause":"it is","Error":"Bad"`) || !strings.Contains(string(text), `"Status":"FAILED"`) {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestWhatAReaderOrAWriterCannotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for fields, want := range map[string]string{
		itemReader("k", `"InputType": "PARQUET"`):                                    "/States/M/ItemReader/ReaderConfig/InputType",
		itemReader("k", `"InputType": "MANIFEST"`):                                   "The local runtime reads JSON, JSONL and CSV only",
		itemReader("k", ``):                                                          "InputType is required",
		itemReader("k", `"InputType": "CSV"`):                                        "CSVHeaderLocation",
		itemReader("k", `"InputType": "CSV", "CSVHeaderLocation": "GIVEN"`):          "CSVHeaders are expected",
		itemReader("k", `"InputType": "JSONL", "ItemsPointer": "/a"`):                "JSON Pointer",
		itemReader("k", `"InputType": "JSON", "MaxItems": 1, "MaxItemsPath": "$.n"`): "MaxItemsPath",
		itemReader("k", `"InputType": "JSON", "Bogus": 1`):                           "Field 'Bogus' is not supported",
		itemReader("k", `"InputType": "JSON"`) + `"ItemsPath": "$.x",`:               "[ItemReader, ItemsPath]",
		`"ItemReader": {"Resource": "arn:aws:states:::s3:putObject"},`:               "/States/M/ItemReader/Resource",
		`"ItemReader": {"Parameters": {}},`:                                          "[Resource]",
		`"ResultWriter": {},`:                                                        "[Resource, Parameters]",
		`"ResultWriter": {"Resource": "arn:aws:states:::s3:putObject"},`:             "expected together",
		`"ResultWriter": {"WriterConfig": {"OutputType": "XML"}},`:                   "/States/M/ResultWriter/WriterConfig/OutputType",
	} {
		_, err := r.engine.CreateStateMachine(t.Context(), states.CreateStateMachineInput{Name: "m", Definition: mapOver(fields)})
		wantError(t, err, "InvalidDefinition")
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", fields, err, want)
		}
	}
}
