package expression

// Projection reads a projection: the paths that it keeps.
func (p *Parameters) Projection(text string) ([]Path, error) {
	r, err := newParser(ProjectionClause, text)
	if err != nil {
		return nil, err
	}
	nodes, err := r.paths()
	if err == nil && r.peek().kind != end {
		err = r.fail()
	}
	if err != nil {
		return nil, r.refuse(err)
	}
	if err := r.checkSize(nodes...); err != nil {
		return nil, err
	}
	paths := make([]Path, len(nodes))
	for _, n := range nodes {
		if err := checkWords(ProjectionClause, n); err != nil {
			return nil, err
		}
	}
	for i, n := range nodes {
		if err := p.resolve(ProjectionClause, n); err != nil {
			return nil, err
		}
		paths[i] = n.as.path
	}
	if err := checkApart(ProjectionClause, paths); err != nil {
		return nil, err
	}
	return paths, nil
}

// paths reads one path after the other, with commas between.
func (p *parser) paths() ([]*node, error) {
	var out []*node
	for {
		n, err := p.path()
		if err != nil {
			return nil, err
		}
		out = append(out, n)
		if !p.accept(",") {
			return out, nil
		}
	}
}
