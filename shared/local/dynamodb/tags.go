package dynamodb

import (
	"context"
	"slices"
)

type tagRequest struct {
	ResourceArn string
	Tags        []tag
	TagKeys     []string
}

const maxTags = 50

func (s *Service) listTags(_ context.Context, in *tagRequest) (object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, err := s.tagged(in)
	if err != nil {
		return nil, err
	}
	return object{{"Tags", append([]tag{}, c.Tags...)}}, nil
}

func (s *Service) tag(ctx context.Context, in *tagRequest) (object, error) {
	return s.retag(ctx, in, func(tags []tag) []tag {
		for _, t := range in.Tags {
			tags = slices.DeleteFunc(tags, func(old tag) bool { return old.Key == t.Key })
		}
		return append(tags, in.Tags...)
	})
}

func (s *Service) untag(ctx context.Context, in *tagRequest) (object, error) {
	return s.retag(ctx, in, func(tags []tag) []tag {
		return slices.DeleteFunc(tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	})
}

func (s *Service) retag(ctx context.Context, in *tagRequest, change func([]tag) []tag) (object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.tagged(in)
	if err != nil {
		return nil, err
	}
	if c == s.by[s.o.Own.Name] {
		return nil, s.refuseOwn("is as template.yaml has it")
	}
	d := c.definition
	d.Tags = change(slices.Clone(d.Tags))
	if len(d.Tags) > maxTags {
		return nil, invalid("One or more parameter values were invalid: Too many tags: the most is %d", maxTags)
	}
	_, err = s.redefine(ctx, c, d)
	return nil, err
}

// tagged gives the table that a request about tags names by its ARN.
func (s *Service) tagged(in *tagRequest) (*collection, error) {
	if c, ok := s.by[s.plainName(in.ResourceArn)]; ok && c.arn == in.ResourceArn {
		return c, nil
	}
	return nil, notFound("Requested resource not found: ResourcArn: %s not found", in.ResourceArn)
}
