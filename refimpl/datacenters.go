package refimpl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Datacenters says which nodes are in which datacenter, by rising name.
type Datacenters []Datacenter

// Datacenter is a group of nodes.
type Datacenter struct {
	Name  string
	Nodes []Addr
}

// Of returns the place of a node's datacenter in d, -1 when it is in none.
func (d Datacenters) Of(node Addr) int {
	return slices.IndexFunc(d, func(dc Datacenter) bool { return slices.Contains(dc.Nodes, node) })
}

// decodeDatacenters reads a mapping from names to lists of nodes, or returns what is wrong with it. "" is
// none.
func decodeDatacenters(v any, nodes int) (d Datacenters, allowed string) {
	const form = "a mapping from names to lists of nodes, such as {east: [n1, n2], west: [n3]}"
	if v == "" {
		return nil, ""
	}
	groups, ok := v.(map[string]any)
	if !ok || len(groups) == 0 {
		return nil, form
	}
	for name, members := range groups {
		list, ok := members.([]any)
		if !ok || len(list) == 0 {
			return nil, form
		}
		dc := Datacenter{Name: name}
		for _, m := range list {
			text, _ := m.(string)
			number, found := strings.CutPrefix(text, "n")
			id, err := strconv.Atoi(number)
			if !found || err != nil || id < 1 || id > nodes {
				return nil, fmt.Sprintf("nodes n1 to n%d; %v in %s is none", nodes, m, name)
			}
			dc.Nodes = append(dc.Nodes, Addr(id-1))
		}
		slices.Sort(dc.Nodes)
		d = append(d, dc)
	}
	slices.SortFunc(d, func(a, b Datacenter) int { return strings.Compare(a.Name, b.Name) })
	for id := range nodes {
		in := 0
		for _, dc := range d {
			for _, member := range dc.Nodes {
				if member == Addr(id) {
					in++
				}
			}
		}
		if in != 1 {
			return nil, fmt.Sprintf("every node in one datacenter; n%d is in %d", id+1, in)
		}
	}
	return d, ""
}
