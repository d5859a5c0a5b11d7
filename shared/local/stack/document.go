package stack

import (
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document is a template as it is written: syntax trees, which keep the line of everything.
type document struct {
	path       string
	parameters []pair
	conditions map[string]ast.Node
	globals    map[string]ast.Node // of functions
	resources  []resource
}

// pair is one member of a mapping.
type pair struct {
	key   string
	value ast.Node
}

type resource struct {
	id         string
	kind       string
	condition  string
	deleted    string // DeletionPolicy
	replaced   string // UpdateReplacePolicy
	properties map[string]ast.Node
	metadata   map[string]ast.Node
	node       ast.Node
	source     string // of a connector that stands with its source: the source's id
}

// fault is an error at a line of the template.
func (d *document) fault(n ast.Node, format string, args ...any) error {
	line := 0
	if n != nil && n.GetToken() != nil {
		line = n.GetToken().Position.Line
	}
	return fmt.Errorf("%s:%d: %w", d.path, line, fmt.Errorf(format, args...))
}

func readDocument(path string) (*document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		if at, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			return nil, fmt.Errorf("%s:%d: %s", path, at.Token.Position.Line, at.Message)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &document{path: path}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, fmt.Errorf("%s:1: a template is one YAML document", path)
	}
	root, err := d.members(file.Docs[0].Body)
	if err != nil {
		return nil, err
	}
	for _, section := range root {
		if err := d.section(section); err != nil {
			return nil, err
		}
	}
	if len(d.resources) == 0 {
		return nil, fmt.Errorf("%s:1: the template has no Resources", path)
	}
	return d, nil
}

func (d *document) section(s pair) (err error) {
	switch s.key {
	case "Parameters":
		d.parameters, err = d.members(s.value)
	case "Conditions":
		d.conditions, err = d.mapping(s.value)
	case "Globals":
		var all map[string]ast.Node
		if all, err = d.mapping(s.value); err == nil && all["Function"] != nil {
			d.globals, err = d.mapping(all["Function"])
		}
	case "Resources":
		var all []pair
		if all, err = d.members(s.value); err != nil {
			return err
		}
		for _, p := range all {
			r, err := d.resource(p)
			if err != nil {
				return err
			}
			d.resources = append(d.resources, r)
			if err := d.connectors(p); err != nil {
				return err
			}
		}
	case "Mappings":
		err = d.fault(s.value, "Mappings are not supported by the local runtime")
	}
	return err
}

func (d *document) resource(p pair) (resource, error) {
	r := resource{id: p.key, node: p.value}
	parts, err := d.mapping(p.value)
	if err != nil {
		return r, err
	}
	kind, ok := parts["Type"].(*ast.StringNode)
	if !ok {
		return r, d.fault(p.value, "resource %s has no Type", p.key)
	}
	r.kind = kind.Value
	if c, ok := parts["Condition"].(*ast.StringNode); ok {
		r.condition = c.Value
	}
	if c, ok := parts["DeletionPolicy"].(*ast.StringNode); ok {
		r.deleted = c.Value
	}
	if c, ok := parts["UpdateReplacePolicy"].(*ast.StringNode); ok {
		r.replaced = c.Value
	}
	if parts["Properties"] != nil {
		if r.properties, err = d.mapping(parts["Properties"]); err != nil {
			return r, err
		}
	}
	if parts["Metadata"] != nil {
		r.metadata, err = d.mapping(parts["Metadata"])
	}
	return r, err
}

// members gives what a mapping holds, in order.
func (d *document) members(n ast.Node) ([]pair, error) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return nil, d.fault(n, "expected a mapping here")
	}
	out := make([]pair, len(values))
	for i, v := range values {
		out[i] = pair{key: keyText(v.Key), value: v.Value}
	}
	return out, nil
}

func (d *document) mapping(n ast.Node) (map[string]ast.Node, error) {
	members, err := d.members(n)
	if err != nil {
		return nil, err
	}
	out := make(map[string]ast.Node, len(members))
	for _, m := range members {
		out[m.key] = m.value
	}
	return out, nil
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}
