package events

import (
	"cmp"
	"context"
	"strings"

	"opsflow/shared/local/epoch"
	"opsflow/shared/local/events/destination"
)

type connectionIn struct {
	Name, AuthorizationType string
	Description             *string
	AuthParameters          destination.Auth
}

func (in *connectionIn) connection() destination.Connection {
	made := destination.Connection{Name: in.Name, Type: in.AuthorizationType, Auth: in.AuthParameters, State: stateAuthorized}
	if in.Description != nil {
		made.Description = *in.Description
	}
	return made
}

// connectionOut is what the API says of a connection; each operation says a part of it.
type connectionOut struct {
	Name               string `json:",omitempty"`
	ConnectionArn      string
	ConnectionState    string
	AuthorizationType  string            `json:",omitempty"`
	AuthParameters     *destination.Auth `json:",omitempty"`
	SecretArn          string            `json:",omitempty"`
	Description        string            `json:",omitempty"`
	CreationTime       epoch.Time
	LastModifiedTime   epoch.Time
	LastAuthorizedTime epoch.Time `json:",omitzero"`
}

func showConnection(c *destination.Connection) connectionOut {
	return connectionOut{
		ConnectionArn: c.ARN, ConnectionState: c.State,
		CreationTime: epoch.Time(c.Created), LastModifiedTime: epoch.Time(c.Modified), LastAuthorizedTime: epoch.Time(c.Authorized),
	}
}

func apiCreateConnection(ctx context.Context, e *Engine, in connectionIn) (any, error) {
	c, err := e.putConnection(ctx, in.Name, func(old *destination.Connection) (destination.Connection, error) {
		if old != nil {
			return destination.Connection{}, exists("Connection %s already exists.", in.Name)
		}
		return in.connection(), nil
	})
	if err != nil {
		return nil, err
	}
	out := showConnection(c)
	out.LastAuthorizedTime = epoch.Time{}
	return out, nil
}

func apiUpdateConnection(ctx context.Context, e *Engine, in connectionIn) (any, error) {
	c, err := e.putConnection(ctx, in.Name, func(old *destination.Connection) (destination.Connection, error) {
		if old == nil {
			return destination.Connection{}, noConnection(in.Name)
		}
		changed := *old
		changed.Type = cmp.Or(in.AuthorizationType, old.Type)
		changed.Auth = old.Auth.Merge(in.AuthParameters)
		changed.State = stateAuthorized
		if in.Description != nil {
			changed.Description = *in.Description
		}
		return changed, nil
	})
	if err != nil {
		return nil, err
	}
	return showConnection(c), nil
}

func apiDeauthorizeConnection(ctx context.Context, e *Engine, in struct{ Name string }) (any, error) {
	c, err := e.putConnection(ctx, in.Name, func(old *destination.Connection) (destination.Connection, error) {
		if old == nil {
			return destination.Connection{}, noConnection(in.Name)
		}
		changed := *old
		changed.Auth, changed.State = old.Auth.Shown(), "DEAUTHORIZED"
		return changed, nil
	})
	if err != nil {
		return nil, err
	}
	return showConnection(c), nil
}

func apiDescribeConnection(_ context.Context, e *Engine, in struct{ Name string }) (any, error) {
	c, err := e.connection(in.Name)
	if err != nil {
		return nil, err
	}
	out, auth := showConnection(c), c.Auth.Shown()
	out.Name, out.AuthorizationType, out.AuthParameters = c.Name, c.Type, &auth
	out.SecretArn, out.Description = c.SecretARN, c.Description
	return out, nil
}

func apiListConnections(_ context.Context, e *Engine, in struct {
	listing
	ConnectionState string
},
) (any, error) {
	all := []connectionOut{}
	for _, c := range sorted(e, e.connections) {
		if strings.HasPrefix(c.Name, in.NamePrefix) && (in.ConnectionState == "" || in.ConnectionState == c.State) {
			one := showConnection(c)
			one.Name, one.AuthorizationType = c.Name, c.Type
			all = append(all, one)
		}
	}
	part, next, err := page(all, func(c *connectionOut) string { return c.Name }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		Connections []connectionOut
		NextToken   string `json:",omitempty"`
	}{part, next}, nil
}

func apiDeleteConnection(ctx context.Context, e *Engine, in struct{ Name string }) (any, error) {
	c, err := e.DeleteConnection(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := showConnection(c)
	out.ConnectionState = "DELETING"
	return out, nil
}

type destinationIn struct {
	Name, ConnectionArn, InvocationEndpoint, HTTPMethod string
	Description                                         *string
	InvocationRateLimitPerSecond                        *int
}

// destinationOut is what the API says of an API destination; each operation says a part of it.
type destinationOut struct {
	Name                         string `json:",omitempty"`
	APIDestinationArn            string `json:"ApiDestinationArn"`
	APIDestinationState          string `json:"ApiDestinationState"`
	ConnectionArn                string `json:",omitempty"`
	InvocationEndpoint           string `json:",omitempty"`
	HTTPMethod                   string `json:"HttpMethod,omitempty"`
	InvocationRateLimitPerSecond int    `json:",omitempty"`
	Description                  string `json:",omitempty"`
	CreationTime                 epoch.Time
	LastModifiedTime             epoch.Time
}

// showDestination gives what the operations that change say; the one with state ACTIVE has a connection that is authorised.
func showDestination(e *Engine, d *destination.Destination) destinationOut {
	state := "INACTIVE"
	if c, err := e.connection(nameInARN(d.ConnectionARN)); err == nil && c.ARN == d.ConnectionARN && c.State == stateAuthorized {
		state = "ACTIVE"
	}
	return destinationOut{
		APIDestinationArn: d.ARN, APIDestinationState: state, CreationTime: epoch.Time(d.Created), LastModifiedTime: epoch.Time(d.Modified),
	}
}

func describeDestination(e *Engine, d *destination.Destination) destinationOut {
	out := showDestination(e, d)
	out.Name, out.ConnectionArn, out.InvocationEndpoint, out.HTTPMethod = d.Name, d.ConnectionARN, d.Endpoint, d.Method
	out.InvocationRateLimitPerSecond = d.Rate
	return out
}

func (in *destinationIn) destination() destination.Destination {
	made := destination.Destination{Name: in.Name, Rate: destination.DefaultRate}
	in.apply(&made)
	return made
}

func (in *destinationIn) apply(to *destination.Destination) {
	to.ConnectionARN = cmp.Or(in.ConnectionArn, to.ConnectionARN)
	to.Endpoint = cmp.Or(in.InvocationEndpoint, to.Endpoint)
	to.Method = cmp.Or(in.HTTPMethod, to.Method)
	if in.InvocationRateLimitPerSecond != nil {
		to.Rate = *in.InvocationRateLimitPerSecond
	}
	if in.Description != nil {
		to.Description = *in.Description
	}
}

func apiCreateDestination(ctx context.Context, e *Engine, in destinationIn) (any, error) {
	d, err := e.putDestination(ctx, in.Name, func(old *destination.Destination) (destination.Destination, error) {
		if old != nil {
			return destination.Destination{}, exists("An api-destination '%s' already exists.", in.Name)
		}
		return in.destination(), nil
	})
	if err != nil {
		return nil, err
	}
	return showDestination(e, d), nil
}

func apiUpdateDestination(ctx context.Context, e *Engine, in destinationIn) (any, error) {
	d, err := e.putDestination(ctx, in.Name, func(old *destination.Destination) (destination.Destination, error) {
		if old == nil {
			return destination.Destination{}, noDestination(in.Name)
		}
		changed := *old
		in.apply(&changed)
		return changed, nil
	})
	if err != nil {
		return nil, err
	}
	return showDestination(e, d), nil
}

func apiDescribeDestination(_ context.Context, e *Engine, in struct{ Name string }) (any, error) {
	d, err := e.destination(in.Name)
	if err != nil {
		return nil, err
	}
	out := describeDestination(e, d)
	out.Description = d.Description
	return out, nil
}

func apiListDestinations(_ context.Context, e *Engine, in struct {
	listing
	ConnectionArn string
},
) (any, error) {
	all := []destinationOut{}
	for _, d := range sorted(e, e.destinations) {
		if strings.HasPrefix(d.Name, in.NamePrefix) && (in.ConnectionArn == "" || in.ConnectionArn == d.ConnectionARN) {
			all = append(all, describeDestination(e, d))
		}
	}
	part, next, err := page(all, func(d *destinationOut) string { return d.Name }, in.Limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	return struct {
		APIDestinations []destinationOut `json:"ApiDestinations"`
		NextToken       string           `json:",omitempty"`
	}{part, next}, nil
}

func apiDeleteDestination(ctx context.Context, e *Engine, in struct{ Name string }) (any, error) {
	return nil, e.DeleteDestination(ctx, in.Name)
}
