package console

import (
	"slices"
	"strings"
)

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
	{Name: "Connections", Path: "/connections"},
	{Name: "Bulk", Path: "/bulk"},
	{Name: "Members", Path: "/members"},
	{Name: "Delivery", Path: "/delivery"},
	{Name: "Audit", Path: "/audit"},
	{Name: "Outbox", Path: "/outbox"},
}

// navigation gives the sections that have a page.
func navigation(pages []page) []section {
	var list []section
	for _, s := range order {
		at := slices.IndexFunc(pages, func(p page) bool { return p.section == s.Name && strings.TrimSuffix(p.path, "{$}") == s.Path })
		if at >= 0 {
			s.action = pages[at].action
			list = append(list, s)
		}
	}
	return list
}
