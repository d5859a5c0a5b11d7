package console

import "slices"

// section is an entry of the navigation.
type section struct {
	Name   string
	Path   string
	action string // what it takes to see it
}

// order is the navigation's: a section shows once a page is registered at its path.
var order = []section{
	{Name: "Dashboard", Path: "/"},
	{Name: "Workflows", Path: "/workflows"},
	{Name: "Tasks", Path: "/tasks"},
	{Name: "Alerts", Path: "/alerts"},
	{Name: "Rules", Path: "/rules"},
	{Name: "Events", Path: "/events"},
	{Name: "Vendors", Path: "/vendors"},
	{Name: "Templates", Path: "/templates"},
	{Name: "Bulk", Path: "/bulk"},
	{Name: "Members", Path: "/members"},
	{Name: "Delivery", Path: "/delivery"},
	{Name: "Audit", Path: "/audit"},
	{Name: "Outbox", Path: "/outbox"},
}

// register puts a page's section into the navigation, in its place.
func (c *Console) register(p page) {
	at := slices.IndexFunc(order, func(s section) bool { return s.Name == p.section })
	if at < 0 || order[at].Path != p.path && order[at].Path+"{$}" != p.path {
		return
	}
	s := order[at]
	s.action = p.action
	c.sections = append(c.sections, s)
	place := func(s section) int {
		return slices.IndexFunc(order, func(o section) bool { return o.Name == s.Name })
	}
	slices.SortFunc(c.sections, func(a, b section) int { return place(a) - place(b) })
}
