package states

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"opsflow/shared/local/states/value"
)

// writer is ResultWriter: what a distributed Map's children came to goes to S3, or into another form.
type writer struct {
	exports        bool     // to S3; else the results stay the state's
	parameters     template // Bucket and Prefix
	lines          bool     // JSONL
	transformation string   // NONE: with what is known of each child; COMPACT: outputs alone; FLATTEN: lists put together
}

func (p *definitionParser) writer(f fields) *writer {
	o, ok := f.object("ResultWriter")
	if !ok {
		return nil
	}
	in := fields{p.diagnostics, o, f.where("ResultWriter")}
	in.only([]string{"Resource", "Parameters", "WriterConfig"})
	w := &writer{exports: in.oneOf("Resource", resourcePutObject) != "", parameters: in.template("Parameters"), transformation: "NONE"}
	if w.exports != in.has("Parameters") {
		p.schema(in.at, "Resource and Parameters are expected together")
	}
	config, ok := in.object("WriterConfig")
	if !ok {
		if !w.exports {
			p.schema(in.at, "These fields are required: [Resource, Parameters], or [WriterConfig]")
		}
		return w
	}
	c := fields{p.diagnostics, config, in.where("WriterConfig")}
	c.only([]string{"OutputType", "Transformation"})
	w.lines = c.oneOf("OutputType", "JSON", "JSONL") == "JSONL"
	if given := c.oneOf("Transformation", "NONE", "COMPACT", "FLATTEN"); given != "" {
		w.transformation = given
	}
	return w
}

// outcomes are what is written of children that have ended alike.
func (e *Engine) outcomes(w *writer, children []*record) ([]any, error) {
	list := make([]any, 0, len(children))
	for _, rec := range children {
		if w.transformation == "NONE" {
			list = append(list, e.outcome(rec))
			continue
		}
		v, err := rec.result()
		if err != nil {
			return nil, err
		}
		if all, ok := v.([]any); ok && w.transformation == "FLATTEN" {
			list = append(list, all...)
		} else {
			list = append(list, v)
		}
	}
	return list, nil
}

// outcome is all that is known of a child.
func (e *Engine) outcome(rec *record) any {
	return e.envelope(rec, func(t time.Time) any { return t.Format(isoMillis) })
}

// envelope is what DescribeExecution says of an execution that is over, as Step Functions writes it into data.
func (e *Engine) envelope(rec *record, date func(time.Time) any) *value.Object {
	d := e.describe(rec, e.executionARN(rec))
	o := value.NewObject(16)
	included := value.ObjectOf(value.Member{Key: "Included", Value: true})
	text := func(name string, v *string) {
		if v != nil {
			o.Set(name, *v)
		}
	}
	text("Cause", d.Cause)
	text("Error", d.Error)
	o.Set("ExecutionArn", d.ARN)
	o.Set("Input", d.Input)
	o.Set("InputDetails", included)
	o.Set("Name", d.Name)
	if d.Output != nil {
		o.Set("Output", *d.Output)
		o.Set("OutputDetails", included)
	}
	o.Set("RedriveCount", number(int64(d.RedriveCount)))
	o.Set("RedriveStatus", d.RedriveStatus)
	if d.RedriveReason != "" {
		o.Set("RedriveStatusReason", d.RedriveReason)
	}
	o.Set("StartDate", date(d.StartDate))
	if d.AliasARN != "" {
		o.Set("StateMachineAliasArn", d.AliasARN)
	}
	o.Set("StateMachineArn", d.StateMachineARN)
	if d.VersionARN != "" {
		o.Set("StateMachineVersionArn", d.VersionARN)
	}
	o.Set("Status", d.Status)
	o.Set("StopDate", date(d.StopDate))
	return o
}

// result is a child's output or, of one that failed, its error and cause.
func (rec *record) result() (any, error) {
	if rec.Output != nil {
		return value.Parse([]byte(*rec.Output))
	}
	failed := value.NewObject(2)
	if rec.Error != nil {
		failed.Set("Error", *rec.Error)
	}
	if rec.Cause != nil {
		failed.Set("Cause", *rec.Cause)
	}
	return failed, nil
}

// ended are the records of a map run's children that have ended, in the order of the items.
func (e *Engine) endedChildren(ctx context.Context, a *activeRun) ([]*record, error) {
	var all []*record
	err := e.db.View(ctx, func(tx *bbolt.Tx) error {
		for i := range a.Started {
			rec, err := read[record](tx, bucketExecutions, tx.Bucket(bucketMapChildren).Get(mapChildKey(a.key, i)))
			if err != nil {
				return err
			}
			if rec != nil && rec.Status != StatusRunning {
				all = append(all, rec)
			}
		}
		return nil
	})
	return all, err
}

// resultFile names a file of results in the manifest.
type resultFile struct {
	Key  string
	Size int
}

// export writes what a map run's children came to into S3, as often as it is asked to in the same place, and gives what the Map
// state has as its result.
func (x *execution) export(ctx context.Context, a *activeRun, w *writer) (any, error) {
	children, err := x.e.endedChildren(ctx, a)
	if err != nil {
		return nil, err
	}
	var to struct{ Bucket, Prefix string }
	if err := json.Unmarshal([]byte(a.Writer), &to); err != nil {
		return nil, err
	}
	_, id, _ := strings.Cut(a.key, ":")
	folder := strings.TrimSuffix(to.Prefix, "/") + "/" + id + "/"
	folder = strings.TrimPrefix(folder, "/")
	files := map[string][]resultFile{"FAILED": {}, "PENDING": {}, "SUCCEEDED": {}}
	for _, kind := range []string{"SUCCEEDED", "FAILED"} {
		var alike []*record
		for _, rec := range children {
			if (rec.Status == StatusSucceeded) == (kind == "SUCCEEDED") {
				alike = append(alike, rec)
			}
		}
		if len(alike) == 0 {
			continue
		}
		list, err := x.e.outcomes(w, alike)
		if err != nil {
			return nil, err
		}
		key, text := folder+kind+"_0.json", value.Text(list)
		if w.lines {
			key, text = key+"l", lines(list)
		}
		if err := x.putObject(ctx, to.Bucket, key, string(text)); err != nil {
			return nil, err
		}
		files[kind] = []resultFile{{key, len(text)}}
	}
	manifest := folder + "manifest.json"
	text := mustJSON(map[string]any{"DestinationBucket": to.Bucket, "MapRunArn": x.e.mapRunARN(a.key), "ResultFiles": files})
	if err := x.putObject(ctx, to.Bucket, manifest, string(text)); err != nil {
		return nil, err
	}
	return value.ObjectOf(
		value.Member{Key: "MapRunArn", Value: x.e.mapRunARN(a.key)},
		value.Member{Key: "ResultWriterDetails", Value: value.ObjectOf(
			value.Member{Key: "Bucket", Value: to.Bucket}, value.Member{Key: "Key", Value: manifest},
		)},
	), nil
}

func lines(list []any) []byte {
	var out []byte
	for _, v := range list {
		out = append(append(out, value.Text(v)...), '\n')
	}
	return out
}

func (x *execution) putObject(ctx context.Context, bucket, key, text string) error {
	_, err := x.s3(ctx, "PutObject", value.ObjectOf(
		value.Member{Key: "Bucket", Value: bucket}, value.Member{Key: "Key", Value: key}, value.Member{Key: "Body", Value: text},
	))
	return err
}

func orNever(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
