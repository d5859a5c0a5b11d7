package states

import "context"

func versionObject(v Version) object {
	return object{"stateMachineVersionArn": v.ARN, "creationDate": v.CreatedAt}
}

func publishVersion(ctx context.Context, e *Engine, in *request) (any, error) {
	v, err := e.PublishStateMachineVersion(ctx, in.StateMachineARN, in.RevisionID, in.description())
	if err != nil {
		return nil, err
	}
	return versionObject(*v), nil
}

func deleteVersion(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.DeleteStateMachineVersion(ctx, in.VersionARN)
}

func listVersions(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListStateMachineVersions(ctx, in.StateMachineARN, in.page())
	return page("stateMachineVersions", list, next, versionObject), err
}

func aliasObject(a Alias) object {
	return object{"stateMachineAliasArn": a.ARN, "creationDate": a.CreatedAt}
}

func createAlias(ctx context.Context, e *Engine, in *request) (any, error) {
	a, err := e.CreateStateMachineAlias(ctx, in.Name, in.description(), in.Routes)
	if err != nil {
		return nil, err
	}
	return aliasObject(*a), nil
}

func updateAlias(ctx context.Context, e *Engine, in *request) (any, error) {
	a, err := e.UpdateStateMachineAlias(ctx, in.AliasARN, in.Description, in.Routes)
	if err != nil {
		return nil, err
	}
	return object{"updateDate": a.UpdatedAt}, nil
}

func deleteAlias(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.DeleteStateMachineAlias(ctx, in.AliasARN)
}

func describeAlias(ctx context.Context, e *Engine, in *request) (any, error) {
	a, err := e.DescribeStateMachineAlias(ctx, in.AliasARN)
	if err != nil {
		return nil, err
	}
	o := aliasObject(*a)
	o["name"], o["description"], o["routingConfiguration"], o["updateDate"] = a.Name, optional(a.Description), a.Routes, a.UpdatedAt
	return o, nil
}

func listAliases(ctx context.Context, e *Engine, in *request) (any, error) {
	list, next, err := e.ListStateMachineAliases(ctx, in.StateMachineARN, in.page())
	return page("stateMachineAliases", list, next, aliasObject), err
}

func tagResource(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.TagResource(ctx, in.ResourceARN, in.Tags)
}

func untagResource(ctx context.Context, e *Engine, in *request) (any, error) {
	return nil, e.UntagResource(ctx, in.ResourceARN, in.TagKeys)
}

func listTags(ctx context.Context, e *Engine, in *request) (any, error) {
	tags, err := e.ListTagsForResource(ctx, in.ResourceARN)
	return object{"tags": append([]Tag{}, tags...)}, err
}
