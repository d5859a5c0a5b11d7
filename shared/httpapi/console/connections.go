package console

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"opsflow/shared/ops"
)

// connectionList is the view of the systems outside that steps call.
type connectionList struct {
	Items []connectionRow
	Pager pager
}

type connectionRow struct {
	*ops.Connection
	UsedBy []templateRow // whose newest version calls it
}

// connectionView is the view of one connection, and of the form that changes or adds one.
type connectionView struct {
	connectionRow
	New    bool
	Auth   ops.ConnectionAuth // the zero value for none
	Types  []ops.AuthType
	Error  string
	Faults []ops.Fault
}

// Lines are the headers as the form has them.
func (v connectionView) Lines() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		lines = append(lines, name+": "+v.Headers[name])
	}
	return strings.Join(lines, "\n")
}

var connectionPage = page{path: "/connections/{id}", action: "connection.read", section: "Connections", file: "connection", still: true}

func (c *Console) connectionPages() {
	show(c, page{path: "/connections", action: "connection.read", section: "Connections", file: "connections"}, c.connectionList)
	show(c, page{path: "/connections/new", action: "connection.write", section: "Connections", file: "connection", still: true}, func(*request) (connectionView, error) {
		return viewOfConnection(connectionRow{Connection: &ops.Connection{}}, true), nil
	})
	show(c, connectionPage, c.connection)
	do(c, "/connections/{id}/save", "connection.write", c.saveConnection)
}

func viewOfConnection(row connectionRow, isNew bool) connectionView {
	v := connectionView{connectionRow: row, New: isNew, Types: []ops.AuthType{ops.AuthBearer, ops.AuthBasic, ops.AuthHeader}}
	if row.Auth != nil {
		v.Auth = *row.Auth
	}
	return v
}

// callers gives the templates whose newest version calls each connection.
func (c *Console) callers(q *request) (map[string][]templateRow, error) {
	all, err := c.Workflows.ListTemplates(q.Context())
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	newest := map[string]*ops.Template{}
	for _, t := range all {
		if n := newest[t.Name]; n == nil || t.Version > n.Version {
			newest[t.Name] = t
		}
	}
	callers := map[string][]templateRow{}
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		t := newest[name]
		called := map[string]bool{}
		for i := range t.Steps {
			if call := t.Steps[i].Call(); call != nil {
				called[call.Connection] = true
			}
		}
		for connection := range called {
			callers[connection] = append(callers[connection], rowOf(t))
		}
	}
	return callers, nil
}

func (c *Console) connectionList(q *request) (connectionList, error) {
	all, err := c.Store.Connections(q.Context())
	if err != nil {
		return connectionList{}, fmt.Errorf("list connections: %w", err)
	}
	callers, err := c.callers(q)
	if err != nil {
		return connectionList{}, err
	}
	v := connectionList{Pager: pager{Count: fmt.Sprintf("%d %s", len(all), plural(len(all), "connections"))}}
	for _, one := range all {
		v.Items = append(v.Items, connectionRow{one, callers[one.Name]})
	}
	return v, nil
}

func (c *Console) connection(q *request) (connectionView, error) {
	one, err := c.Store.Connection(q.Context(), q.PathValue("id"))
	if err != nil {
		return connectionView{}, fmt.Errorf("read connection: %w", err)
	}
	callers, err := c.callers(q)
	if err != nil {
		return connectionView{}, err
	}
	return viewOfConnection(connectionRow{one, callers[one.Name]}, false), nil
}

func (c *Console) saveConnection(q *request) (outcome, error) {
	name := q.PathValue("id")
	isNew := name == "new"
	if isNew {
		name = strings.TrimSpace(q.field("name"))
	}
	one, faults := connectionOf(q, name)
	err := ops.Invalid("connection", faults)
	if err == nil && isNew {
		if _, there := c.Store.Connection(q.Context(), name); there == nil {
			err = ops.Invalid("connection", []ops.Fault{{Path: "$.name", Expected: "a name that no connection has yet", Got: name}})
		}
	}
	if err == nil {
		_, err = c.Connections.Put(q.Context(), one, q.Actor)
	}
	if told, ok := errors.AsType[*ops.Error](err); ok && told.Code == ops.CodeInvalid {
		v := viewOfConnection(connectionRow{Connection: &one}, isNew)
		v.Error, v.Faults = sentence(told.Message), told.Faults
		return outcome{}, &invalidForm{page: connectionPage, view: v, err: err}
	}
	if err != nil {
		return outcome{}, fmt.Errorf("write connection: %w", err)
	}
	return outcome{to: "/connections/" + one.Name, said: one.Name + " is saved. Steps use it from their next call on."}, nil
}

// connectionOf reads the form. What can't be read of it is told with all else that is wrong.
func connectionOf(q *request, name string) (ops.Connection, []ops.Fault) {
	one := ops.Connection{
		Name: name, BaseURL: strings.TrimSpace(q.field("base_url")),
		AllowedHosts: strings.FieldsFunc(q.field("allowed_hosts"), func(r rune) bool { return r == ',' || r == ' ' }),
	}
	if t := q.field("auth"); t != "" {
		one.Auth = &ops.ConnectionAuth{
			Type: ops.AuthType(t), Secret: strings.TrimSpace(q.field("secret")), Header: strings.TrimSpace(q.field("header")), User: strings.TrimSpace(q.field("user")),
		}
	}
	var faults []ops.Fault
	for line := range strings.Lines(q.field("headers")) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		header, value, ok := strings.Cut(line, ":")
		if !ok {
			faults = append(faults, ops.Fault{Path: "$.headers", Expected: "lines like X-Tenant: opsflow", Got: line})
			continue
		}
		if one.Headers == nil {
			one.Headers = map[string]string{}
		}
		one.Headers[strings.TrimSpace(header)] = strings.TrimSpace(value)
	}
	if t := strings.TrimSpace(q.field("timeout")); t != "" {
		d, err := ops.ParseDuration(t)
		if err != nil {
			faults = append(faults, ops.Fault{Path: "$.timeout", Expected: "a duration like 5s", Got: t})
		}
		one.Timeout = d
	}
	return one, append(faults, one.Faults()...)
}
