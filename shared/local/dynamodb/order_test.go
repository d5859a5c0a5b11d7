package dynamodb_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"
)

// sortKeys are values of a kind that lie close together.
func sortKeys(kind string) *rapid.Generator[string] {
	bytes := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xFE, 0xFF}), 1, 4), func(b []byte) string {
		return base64.StdEncoding.EncodeToString(b)
	})
	return map[string]*rapid.Generator[string]{
		"S": rapid.StringMatching(`[ab\x00é]{1,4}`),
		"N": rapid.StringMatching(`-?[0-3](\.[0-3]{1,2})?(e[12])?`),
		"B": bytes,
	}[kind]
}

// pages asks an endpoint page by page, and gives the sort keys of all.
func (p *pair) pages(endpoint, members, sort string) (keys []string, failed string) {
	p.Helper()
	var after string
	for {
		a := p.call(endpoint, "Query", `{"TableName": "tab1", `+members+after+`}`)
		if a.Error != "" {
			return nil, a.Error + " " + a.Message
		}
		for _, i := range a.Items {
			keys = append(keys, text(i[sort]))
		}
		if a.Body["LastEvaluatedKey"] == nil {
			return keys, ""
		}
		after = `, "ExclusiveStartKey": ` + text(a.Body["LastEvaluatedKey"])
	}
}

func TestQueriesOfRandomKeysComeInDynamoDBLocalsOrder(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"S", "N", "B"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, "order-"+kind)
			p.must("DeleteTable", `{"TableName": "tab1"}`)
			p.must("CreateTable", strings.NewReplacer(
				`"sk", "AttributeType": "N"`, `"sk", "AttributeType": "`+kind+`"`, `"g", "AttributeType": "S"`, `"g", "AttributeType": "`+kind+`"`,
			).Replace(standardTable))
			value := func(text string) string {
				raw, err := json.Marshal(map[string]string{kind: text})
				if err != nil {
					t.Fatal(err)
				}
				return string(raw)
			}
			seen := 0
			rapid.Check(t, func(t *rapid.T) {
				seen++
				pk := fmt.Sprint("p", seen)
				keys := rapid.SliceOfN(sortKeys(kind), 1, 12).Draw(t, "keys")
				for _, key := range keys {
					p.must("PutItem", `{"TableName": "tab1", "Item": {"pk": {"S": "`+pk+`"}, "sk": `+value(key)+`, "g": `+value(key)+`}}`)
				}
				bound := value(sortKeys(kind).Draw(t, "bound"))
				sort := rapid.SampledFrom([]string{"sk", "g"}).Draw(t, "sort")
				condition := rapid.SampledFrom([]string{"%s = :b", "%s < :b", "%s <= :b", "%s > :b", "%s >= :b", "begins_with(%s, :b)"}).Draw(t, "condition")
				if kind == "N" && strings.HasPrefix(condition, "begins") {
					condition = "%s > :b"
				}
				members := fmt.Sprintf(`"KeyConditionExpression": "pk = :p AND `+condition+`", "ExpressionAttributeValues": {":p": {"S": "%s"}, ":b": %s}, "ScanIndexForward": %t`,
					sort, pk, bound, rapid.Bool().Draw(t, "forward"))
				if sort == "g" {
					members += `, "IndexName": "lin"`
				}
				theirs, theirFault := p.pages(p.endpoints[0], members, sort)
				ours, ourFault := p.pages(p.endpoints[1], members+fmt.Sprintf(`, "Limit": %d`, rapid.IntRange(1, 5).Draw(t, "limit")), sort)
				if theirFault != ourFault || !slices.Equal(theirs, ours) {
					t.Fatalf("%s\nDynamoDB Local: %v %s\nhere:           %v %s", members, theirs, theirFault, ours, ourFault)
				}
			})
		})
	}
}

func TestManyWritersAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.makeTable("counters")
	const writers, each = 8, 25
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				_, err := r.UpdateItem(t.Context(), &sdk.UpdateItemInput{
					TableName: aws.String("counters"), Key: item{"id": str("a")}, UpdateExpression: aws.String("ADD n :one"),
					ExpressionAttributeValues: item{":one": num(1)},
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := r.scan("counters")[0]["n"].(*types.AttributeValueMemberN).Value; got != "200" {
		t.Errorf("n is %s after %d writes of 1", got, writers*each)
	}
}
