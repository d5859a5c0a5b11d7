package events

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"opsflow/shared/local/events/destination"
)

func noConnection(name string) error {
	return notFound("Failed to describe the connection(s). Connection '%s' does not exist.", name)
}

// putConnection stores what decide makes of a connection; old is nil when there is none of the name.
func (e *Engine) putConnection(
	ctx context.Context, name string, decide func(old *destination.Connection) (destination.Connection, error),
) (*destination.Connection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := decide(e.connections[name])
	if err != nil {
		return nil, err
	}
	if fault := c.Check(); fault != "" {
		return nil, invalid("%s", fault)
	}
	now := e.o.Clock.Now()
	if c.Created.IsZero() {
		c.Created = now
	}
	if c.SecretARN == "" {
		id, err := e.newID()
		if err != nil {
			return nil, err
		}
		c.ARN = cmp.Or(c.ARN, e.arn("connection/"+name+"/"+id))
		c.SecretARN = fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:events!connection/%s/%s-000000", e.o.Region, e.o.Account, name, id)
	}
	c.Modified = now
	if c.State == stateAuthorized {
		c.Authorized = now
	}
	if err := e.store(ctx, "connection/"+name, c); err != nil {
		return nil, fmt.Errorf("put connection %s: %w", name, err)
	}
	e.connections[name] = &c
	if e.o.Outside != nil {
		e.o.Outside.Forget(c.ARN)
	}
	return &c, nil
}

// DeployConnection makes a connection, or changes it to what a template says now. arn is what the template calls it, and
// properties are those of CreateConnection.
func (e *Engine) DeployConnection(ctx context.Context, arn string, properties []byte) error {
	var in connectionIn
	if err := json.Unmarshal(properties, &in); err != nil {
		return fmt.Errorf("connection: %w", err)
	}
	_, err := e.putConnection(ctx, in.Name, func(old *destination.Connection) (destination.Connection, error) {
		made := in.connection()
		if made.ARN = arn; old != nil {
			made.Created = old.Created
		}
		return made, nil
	})
	return err
}

// DeployDestination is DeployConnection for an API destination.
func (e *Engine) DeployDestination(ctx context.Context, arn string, properties []byte) error {
	var in destinationIn
	if err := json.Unmarshal(properties, &in); err != nil {
		return fmt.Errorf("API destination: %w", err)
	}
	_, err := e.putDestination(ctx, in.Name, func(old *destination.Destination) (destination.Destination, error) {
		made := in.destination()
		if made.ARN = arn; old != nil {
			made.Created = old.Created
		}
		return made, nil
	})
	return err
}

const stateAuthorized = "AUTHORIZED"

func (e *Engine) connection(name string) (*destination.Connection, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if c := e.connections[name]; c != nil {
		return c, nil
	}
	return nil, noConnection(name)
}

// DeleteConnection removes a connection; ResourceNotFoundException when it is not there.
func (e *Engine) DeleteConnection(ctx context.Context, name string) (*destination.Connection, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.connections[name]
	if c == nil {
		return nil, noConnection(name)
	}
	if err := e.forget(ctx, "connection/"+name); err != nil {
		return nil, fmt.Errorf("delete connection %s: %w", name, err)
	}
	delete(e.connections, name)
	return c, nil
}

func noDestination(name string) error {
	return notFound("Failed to describe the api-destination(s). An api-destination '%s' does not exist.", name)
}

// putDestination stores what decide makes of an API destination; old is nil when there is none of the name.
func (e *Engine) putDestination(
	ctx context.Context, name string, decide func(old *destination.Destination) (destination.Destination, error),
) (*destination.Destination, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	d, err := decide(e.destinations[name])
	if err != nil {
		return nil, err
	}
	if fault := d.Check(e.o.PrivateCalls); fault != "" {
		return nil, invalid("%s", fault)
	}
	if c := e.connections[nameInARN(d.ConnectionARN)]; c == nil || c.ARN != d.ConnectionARN {
		return nil, notFound("Connection '%s' does not exist.", d.ConnectionARN)
	}
	now := e.o.Clock.Now()
	if d.Created.IsZero() {
		d.Created = now
	}
	if d.ARN == "" {
		id, err := e.newID()
		if err != nil {
			return nil, err
		}
		d.ARN = e.arn("api-destination/" + name + "/" + id)
	}
	d.Modified = now
	if err := e.store(ctx, "destination/"+name, d); err != nil {
		return nil, fmt.Errorf("put API destination %s: %w", name, err)
	}
	e.destinations[name] = &d
	return &d, nil
}

func (e *Engine) destination(name string) (*destination.Destination, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if d := e.destinations[name]; d != nil {
		return d, nil
	}
	return nil, noDestination(name)
}

// DeleteDestination removes an API destination; ResourceNotFoundException when it is not there.
func (e *Engine) DeleteDestination(ctx context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.destinations[name] == nil {
		return noDestination(name)
	}
	if err := e.forget(ctx, "destination/"+name); err != nil {
		return fmt.Errorf("delete API destination %s: %w", name, err)
	}
	delete(e.destinations, name)
	return nil
}

// sorted gives the values of a map by their names.
func sorted[T any](e *Engine, m map[string]*T) []*T {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := make([]*T, 0, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[name])
	}
	return all
}
