package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"opsflow/shared/table"
)

// AdminClient is what EnsureTable uses of *dynamodb.Client.
type AdminClient interface {
	CreateTable(ctx context.Context, in *dynamodb.CreateTableInput, o ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	DescribeTable(ctx context.Context, in *dynamodb.DescribeTableInput, o ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeTimeToLive(ctx context.Context, in *dynamodb.DescribeTimeToLiveInput, o ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
	UpdateTimeToLive(ctx context.Context, in *dynamodb.UpdateTimeToLiveInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error)
}

const tableWait = time.Minute // the longest a new table may take

// EnsureTable makes the table that New expects, paid per request and with expires_at as its time to live, unless there is
// one of that name; an existing one must have the indexes. It is meant for DynamoDB Local: on AWS the table is part of
// template.yaml.
func EnsureTable(ctx context.Context, client AdminClient, name string, indexes []table.Index) error {
	if err := table.CheckIndexes(indexes); err != nil {
		return err
	}
	_, err := client.CreateTable(ctx, createInput(name, indexes))
	var exists *types.ResourceInUseException
	if err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	out, err := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
	}).WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: &name}, tableWait)
	if err != nil {
		return fmt.Errorf("wait for table %s: %w", name, err)
	}
	for _, ix := range indexes {
		if !slices.ContainsFunc(out.Table.GlobalSecondaryIndexes, func(g types.GlobalSecondaryIndexDescription) bool {
			return aws.ToString(g.IndexName) == ix.Name
		}) {
			return fmt.Errorf("table %s is there, but without the index %s", name, ix.Name)
		}
	}
	ttl, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return fmt.Errorf("describe the time to live of table %s: %w", name, err)
	}
	if d := ttl.TimeToLiveDescription; d != nil &&
		(d.TimeToLiveStatus == types.TimeToLiveStatusEnabled || d.TimeToLiveStatus == types.TimeToLiveStatusEnabling) {
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(attrExpires), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("set the time to live of table %s: %w", name, err)
	}
	return nil
}

func createInput(name string, indexes []table.Index) *dynamodb.CreateTableInput {
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
	keys := func(pk, sk string) []types.KeySchemaElement {
		for _, key := range []string{pk, sk} {
			in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
				AttributeName: aws.String(key), AttributeType: types.ScalarAttributeTypeS,
			})
		}
		return []types.KeySchemaElement{
			{AttributeName: &pk, KeyType: types.KeyTypeHash}, {AttributeName: &sk, KeyType: types.KeyTypeRange},
		}
	}
	in.KeySchema = keys(attrPK, attrSK)
	for _, ix := range indexes {
		projection := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
		if len(ix.Project) > 0 {
			projection = &types.Projection{
				ProjectionType:   types.ProjectionTypeInclude,
				NonKeyAttributes: append([]string{attrV, attrExpires}, ix.Project...),
			}
		}
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(ix.Name), KeySchema: keys(ix.Name+"_pk", ix.Name+"_sk"), Projection: projection,
		})
	}
	return in
}
