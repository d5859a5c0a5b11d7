package dynamodb

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// declared is a table as a template has it.
type declared struct {
	definition

	TimeToLiveSpecification struct {
		AttributeName string
		Enabled       bool
	}
	StreamSpecification json.RawMessage
}

// readProperties reads a table's properties, a JSON object.
func readProperties(properties []byte) (declared, error) {
	var d declared
	if err := json.Unmarshal(properties, &d); err != nil {
		return d, fmt.Errorf("read the properties: %w", err)
	}
	if d.StreamSpecification != nil {
		return d, unsupported("a stream")
	}
	d.BillingMode = cmp.Or(d.BillingMode, provisioned)
	if d.TimeToLiveSpecification.Enabled {
		d.TimeToLive = d.TimeToLiveSpecification.AttributeName
	}
	return d, nil
}

// Declare sees to it that a table of the template is there as it is written: a JSON object of the resource's properties. A
// table whose key has changed is refused, as CloudFormation would have to replace it.
func (s *Service) Declare(ctx context.Context, properties []byte) error {
	in, err := readProperties(properties)
	if err != nil {
		return err
	}
	d := in.definition
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.by[d.TableName]
	if !ok {
		if err := s.begin(&d); err != nil {
			return err
		}
		c, err := s.generic(d)
		if err != nil {
			return err
		}
		return s.create(ctx, c)
	}
	d.ID, d.Created = old.ID, old.Created
	if slices.Equal(old.encode(), d.encode()) {
		return nil
	}
	now, err := compile(d)
	if err != nil {
		return err
	}
	if !slices.Equal(old.attributes(), now.attributes()) {
		return fmt.Errorf("the table %s is there with another key: delete it first", d.TableName)
	}
	_, err = s.redefine(ctx, old, d)
	return err
}
