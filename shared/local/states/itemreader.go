package states

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"opsflow/shared/local/states/value"
)

const (
	resourceGetObject   = "arn:aws:states:::s3:getObject"
	resourceListObjects = "arn:aws:states:::s3:listObjectsV2"
	resourcePutObject   = "arn:aws:states:::s3:putObject"
)

// reader is ItemReader: a distributed Map's items come from an object of S3, or are the objects of a bucket.
type reader struct {
	lists      bool // listObjectsV2
	parameters template
	inputType  string // JSON, JSONL or CSV
	delimiter  rune
	headers    []string // CSVHeaders; nil: the first row
	pointer    string   // ItemsPointer
	maxItems   int64    // 0: all
	maxPath    *reference
}

var csvDelimiters = map[string]rune{"COMMA": ',', "PIPE": '|', "SEMICOLON": ';', "SPACE": ' ', "TAB": '\t'}

func (p *definitionParser) reader(f fields) *reader {
	o, ok := f.object("ItemReader")
	if !ok {
		return nil
	}
	in := fields{p.diagnostics, o, f.where("ItemReader")}
	in.only([]string{"Resource", "Parameters", "ReaderConfig"})
	r := &reader{parameters: in.template("Parameters")}
	r.lists = in.oneOf("Resource", resourceGetObject, resourceListObjects) == resourceListObjects
	if !in.has("Resource") {
		p.schema(in.at, "These fields are required: [Resource]")
	}
	config := fields{p.diagnostics, value.NewObject(0), in.where("ReaderConfig")}
	if o, ok := in.object("ReaderConfig"); ok {
		config.o = o
	}
	config.only([]string{"InputType", "CSVDelimiter", "CSVHeaderLocation", "CSVHeaders", "ItemsPointer", "MaxItems", "MaxItemsPath"})
	config.exclusive(false, "MaxItems", "MaxItemsPath")
	r.maxItems = config.whole("MaxItems", 0)
	r.maxPath, _ = config.path("MaxItemsPath")
	if !r.lists {
		p.format(r, config)
	}
	return r
}

// format is how the items stand in an object.
func (p *definitionParser) format(r *reader, config fields) {
	switch r.inputType = config.text("InputType"); r.inputType {
	case "JSON", "JSONL", "CSV":
	case "MANIFEST", "PARQUET":
		p.schema(config.where("InputType"), "The local runtime reads JSON, JSONL and CSV only, not %s", r.inputType)
	default:
		p.schema(config.at, "InputType is required, one of [CSV, JSON, JSONL, MANIFEST, PARQUET]")
	}
	r.pointer = config.text("ItemsPointer")
	if r.pointer != "" && (!strings.HasPrefix(r.pointer, "/") || r.inputType != "JSON") {
		p.schema(config.where("ItemsPointer"), "Value is not a JSON Pointer into an input of the type JSON")
	}
	r.delimiter = ','
	if given := config.oneOf("CSVDelimiter", "COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"); given != "" {
		r.delimiter = csvDelimiters[given]
	}
	where := config.oneOf("CSVHeaderLocation", "FIRST_ROW", "GIVEN")
	for _, h := range config.list("CSVHeaders") {
		name, ok := h.(string)
		if !ok {
			p.schema(config.where("CSVHeaders"), "Expected value of type String")
		}
		r.headers = append(r.headers, name)
	}
	switch {
	case r.inputType == "CSV" && where == "":
		p.schema(config.at, "These fields are required: [CSVHeaderLocation]")
	case (where == "GIVEN") != (r.headers != nil):
		p.schema(config.at, "CSVHeaders are expected if and only if CSVHeaderLocation is GIVEN")
	}
}

// readItems gives the items.
func (x *execution) readItems(r *reader, sc *scope) ([]any, error) {
	limit := r.maxItems
	if r.maxPath != nil {
		n, err := wholeAt(r.maxPath, "MaxItemsPath", sc)
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return nil, runtimeFailure("MaxItems must be a positive integer: %s == %d", r.maxPath.text, n)
		}
		limit = n
	}
	parameters, err := evaluated(r.parameters, sc)
	if err != nil {
		return nil, err
	}
	var items []any
	if r.lists {
		items, err = x.listObjects(x.e.ctx, parameters, limit)
	} else {
		items, err = x.readObject(x.e.ctx, r, parameters)
	}
	if err != nil {
		return nil, s3Failure(errItemReader, err)
	}
	if limit > 0 && int64(len(items)) > limit {
		items = items[:limit]
	}
	return items, nil
}

// evaluated is the object that a template comes to; an empty one without a template.
func evaluated(t template, sc *scope) (*value.Object, error) {
	if t == nil {
		return value.NewObject(0), nil
	}
	v, err := t.eval(sc)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, runtimeFailure("Parameters must be a JSON object")
	}
	return o, nil
}

// s3Failure names a failure of S3, or of what it holds, for a Map state.
func s3Failure(name string, err error) error {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return newFailure(name, "%v (Service: S3, Error Code: %s)", err, coded.ErrorCode())
	}
	return newFailure(name, "%v", err)
}

// s3 carries out an operation of S3 as the state machine's role. It is a matter of files here, so the burst waits for it.
func (x *execution) s3(ctx context.Context, operation string, parameters *value.Object) (any, error) {
	out, err := x.e.call(ctx, Call{"s3", operation, value.Text(parameters), x.rec.Role, x.rec.Name})
	if err != nil {
		return nil, err
	}
	return value.Parse(out)
}

// listObjects gives a bucket's objects as items.
func (x *execution) listObjects(ctx context.Context, parameters *value.Object, limit int64) ([]any, error) {
	var items []any
	for {
		page, err := x.s3(ctx, "ListObjectsV2", parameters)
		if err != nil {
			return nil, err
		}
		contents, _ := member(page, "Contents").([]any)
		for _, c := range contents {
			at, err := time.Parse(time.RFC3339, textMember(c, "LastModified"))
			if err != nil {
				return nil, err
			}
			items = append(items, value.ObjectOf(
				value.Member{Key: "Etag", Value: member(c, "ETag")}, value.Member{Key: "Key", Value: member(c, "Key")},
				value.Member{Key: "LastModified", Value: number(at.Unix())}, value.Member{Key: "Size", Value: member(c, "Size")},
				value.Member{Key: "StorageClass", Value: member(c, "StorageClass")},
			))
		}
		next := textMember(page, "NextContinuationToken")
		if next == "" || limit > 0 && int64(len(items)) >= limit {
			return items, nil
		}
		parameters = parameters.With("ContinuationToken", next)
	}
}

// readObject gives the items in an object.
func (x *execution) readObject(ctx context.Context, r *reader, parameters *value.Object) ([]any, error) {
	got, err := x.s3(ctx, "GetObject", parameters)
	if err != nil {
		return nil, err
	}
	items, err := r.items(textMember(got, "Body"))
	if err != nil {
		return nil, fmt.Errorf("%s/%s: %w", textMember(parameters, "Bucket"), textMember(parameters, "Key"), err)
	}
	return items, nil
}

func (r *reader) items(text string) ([]any, error) {
	switch r.inputType {
	case "CSV":
		return r.rows(text)
	case "JSONL":
		return jsonLines(text)
	}
	v, err := value.Parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the object is not valid JSON: %w", err)
	}
	if v, err = pointed(v, r.pointer); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case []any:
		return v, nil
	case *value.Object:
		items := make([]any, 0, v.Len())
		for _, m := range v.Members() {
			items = append(items, value.ObjectOf(value.Member{Key: "Key", Value: m.Key}, value.Member{Key: "Value", Value: m.Value}))
		}
		return items, nil
	}
	return nil, errors.New("the items are not a JSON array or object")
}

func jsonLines(text string) ([]any, error) {
	var items []any
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		v, err := value.Parse([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("line %d is not valid JSON: %w", i+1, err)
		}
		items = append(items, v)
	}
	return items, nil
}

// pointed follows a JSON Pointer (RFC 6901).
func pointed(v any, pointer string) (any, error) {
	for _, part := range strings.Split(pointer, "/")[1:] {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		var found bool
		switch at := v.(type) {
		case *value.Object:
			v, found = at.Get(name)
		case []any:
			var i int
			if found = json.Unmarshal([]byte(name), &i) == nil && i >= 0 && i < len(at); found {
				v = at[i]
			}
		}
		if !found {
			return nil, fmt.Errorf("nothing is at %s", pointer)
		}
	}
	return v, nil
}

// rows are the rows of a CSV file, as objects of strings. A short row has empty ones at its end, a long one loses what is too much.
func (r *reader) rows(text string) ([]any, error) {
	in := csv.NewReader(bytes.NewBufferString(strings.TrimPrefix(text, "\ufeff")))
	in.Comma, in.FieldsPerRecord = r.delimiter, -1
	headers := r.headers
	var items []any
	for {
		row, err := in.Read()
		switch {
		case errors.Is(err, io.EOF):
			return items, nil
		case err != nil:
			return nil, fmt.Errorf("the object is not valid CSV: %w", err)
		case headers == nil:
			headers = row
			continue
		}
		item := value.NewObject(len(headers))
		for i, h := range headers {
			text := ""
			if i < len(row) {
				text = row[i]
			}
			item.Set(h, text)
		}
		items = append(items, item)
	}
}
