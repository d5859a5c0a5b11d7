package dynamodb

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"opsflow/shared/local/constraint"
	"opsflow/shared/local/dynamodb/attribute"
)

// definition is a table as CreateTable has it, and as it is kept.
type definition struct {
	TableName                 string
	AttributeDefinitions      []attributeDefinition
	KeySchema                 []keyElement
	LocalSecondaryIndexes     []indexDefinition `json:",omitempty"`
	GlobalSecondaryIndexes    []indexDefinition `json:",omitempty"`
	BillingMode               string            `json:",omitempty"`
	ProvisionedThroughput     *throughput       `json:",omitempty"`
	DeletionProtectionEnabled bool              `json:",omitempty"`
	TableClass                string            `json:",omitempty"`
	Tags                      []tag             `json:",omitempty"`

	StreamSpecification *struct{ StreamEnabled bool } `json:",omitempty"`

	ID         string    `json:",omitempty"` // set when it is made
	Created    time.Time `json:",omitzero"`  // the same
	TimeToLive string    `json:",omitempty"` // the attribute that says when an item is over; "": none
}

type attributeDefinition struct {
	AttributeName string
	AttributeType attribute.Kind
}

type keyElement struct{ AttributeName, KeyType string }

type indexDefinition struct {
	IndexName             string
	KeySchema             []keyElement
	Projection            projection
	ProvisionedThroughput *throughput `json:",omitempty"`
}

type projection struct {
	ProjectionType   string
	NonKeyAttributes []string `json:",omitempty"`
}

type throughput struct{ ReadCapacityUnits, WriteCapacityUnits int64 }

type tag struct{ Key, Value string }

// keyAttribute is an attribute of a key.
type keyAttribute struct {
	name string
	kind attribute.Kind
}

// schema is the key of a table or index: a partition, and maybe a place within it.
type schema struct {
	hash keyAttribute
	sort *keyAttribute
}

func (s schema) attributes() []keyAttribute {
	if s.sort == nil {
		return []keyAttribute{s.hash}
	}
	return []keyAttribute{s.hash, *s.sort}
}

func (s schema) names() []string {
	var out []string
	for _, a := range s.attributes() {
		out = append(out, a.name)
	}
	return out
}

// index is a secondary index.
type index struct {
	schema
	name    string
	global  bool
	all     bool     // it holds whole items
	include []string // besides the keys
}

const (
	minName = 3
	maxName = 255
)

var nameForm = regexp.MustCompile(`[a-zA-Z0-9_.-]+`)

// checkName refuses what can't be the name of a table or index.
func checkName(member, name string) error {
	switch {
	case name == "":
		return invalid("The parameter '%s' is required but was not present in the request", member)
	case len(name) < minName || len(name) > maxName:
		return invalid("%s must be at least 3 characters long and at most 255 characters long", member)
	}
	var f constraint.Faults
	f.Pattern(lowerFirst(member), name, nameForm)
	return broken(f)
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// compile checks a definition, and gives the table without its items.
func compile(d definition) (*collection, error) {
	if err := checkName("TableName", d.TableName); err != nil {
		return nil, err
	}
	if d.StreamSpecification != nil && d.StreamSpecification.StreamEnabled {
		return nil, unsupported("a stream")
	}
	if err := d.checkMembers(); err != nil {
		return nil, err
	}
	c := &collection{definition: d}
	var err error
	if c.schema, err = d.schema(d.KeySchema); err != nil {
		return nil, err
	}
	if len(d.LocalSecondaryIndexes) == 0 && len(d.GlobalSecondaryIndexes) == 0 && len(d.KeySchema) != len(d.AttributeDefinitions) {
		return nil, invalidValue("Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions")
	}
	if err := c.addLocal(d.LocalSecondaryIndexes); err != nil {
		return nil, err
	}
	if err := c.addGlobal(d.GlobalSecondaryIndexes); err != nil {
		return nil, err
	}
	return c, d.checkUse(c)
}

func (d definition) checkMembers() error {
	if err := d.checkBilling(); err != nil {
		return err
	}
	var f constraint.Faults
	if f.Size("keySchema", fmt.Sprint(d.KeySchema), len(d.KeySchema), 1, 2); f != nil {
		return broken(f)
	}
	for i, a := range d.AttributeDefinitions {
		member := fmt.Sprintf("attributeDefinitions.%d.member.attributeType", i+1)
		if err := checkEnum(member, string(a.AttributeType), "B", "N", "S"); err != nil {
			return err
		}
		if slices.ContainsFunc(d.AttributeDefinitions[:i], func(b attributeDefinition) bool { return a.AttributeName == b.AttributeName }) {
			return invalidValue("Duplicate attribute definition: %s", a.AttributeName)
		}
	}
	return checkEnum("tableClass", d.TableClass, "STANDARD", "STANDARD_INFREQUENT_ACCESS")
}

const (
	onDemand    = "PAY_PER_REQUEST"
	provisioned = "PROVISIONED"
)

func (d definition) checkBilling() error {
	if err := checkEnum("billingMode", d.BillingMode, provisioned, onDemand); err != nil {
		return err
	}
	t := d.ProvisionedThroughput
	switch {
	case d.BillingMode == onDemand && t != nil && (t.ReadCapacityUnits != 0 || t.WriteCapacityUnits != 0):
		return invalidValue("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST")
	case d.BillingMode != onDemand && (t == nil || t.ReadCapacityUnits < 1 || t.WriteCapacityUnits < 1):
		return invalidValue("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED")
	}
	for _, x := range d.GlobalSecondaryIndexes {
		if d.BillingMode == onDemand && x.ProvisionedThroughput != nil && x.ProvisionedThroughput.ReadCapacityUnits > 0 {
			return invalidValue("ProvisionedThroughput should not be specified for index: %s when BillingMode is PAY_PER_REQUEST", x.IndexName)
		}
	}
	return nil
}

// schema reads the key of a table or index.
func (d definition) schema(elements []keyElement) (schema, error) {
	var s schema
	keys, defined := []string{}, []string{}
	for _, e := range elements {
		keys = append(keys, e.AttributeName)
	}
	for _, a := range d.AttributeDefinitions {
		defined = append(defined, a.AttributeName)
	}
	switch {
	case len(elements) == 2 && keys[0] == keys[1]:
		return s, invalid("Both the Hash Key and the Range Key element in the KeySchema have the same name")
	case elements[0].KeyType != "HASH":
		return s, invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
	case len(elements) == 2 && elements[1].KeyType != "RANGE":
		return s, invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
	}
	for i, name := range keys {
		at := slices.Index(defined, name)
		if at < 0 {
			return s, invalidValue("Some index key attributes are not defined in AttributeDefinitions. Keys: [%s], AttributeDefinitions: [%s]",
				strings.Join(keys, ", "), strings.Join(defined, ", "))
		}
		a := keyAttribute{name, d.AttributeDefinitions[at].AttributeType}
		if i == 0 {
			s.hash = a
		} else {
			s.sort = &a
		}
	}
	return s, nil
}

const (
	maxLocal  = 5
	maxGlobal = 20
)

func (c *collection) addLocal(list []indexDefinition) error {
	if list != nil && c.sort == nil {
		return invalidValue("Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")
	}
	for _, d := range list {
		x, err := c.index(d)
		switch {
		case err != nil:
			return err
		case x.sort == nil:
			return invalidValue("Index KeySchema does not have a range key for index: %s", x.name)
		case x.hash != c.hash:
			return invalidValue("Index KeySchema does not have the same leading hash key as table KeySchema for index: %s. index hash key: %s, table hash key: %s",
				x.name, x.hash.name, c.hash.name)
		}
		c.indexes = append(c.indexes, x)
	}
	if len(list) > maxLocal {
		return invalidValue("Number of LocalSecondaryIndexes exceeds per-table limit of %d", maxLocal)
	}
	return nil
}

func (c *collection) addGlobal(list []indexDefinition) error {
	for _, d := range list {
		x, err := c.index(d)
		if err != nil {
			return err
		}
		x.global = true
		c.indexes = append(c.indexes, x)
	}
	if len(list) > maxGlobal {
		return invalidValue("GlobalSecondaryIndex count exceeds the per-table limit of %d", maxGlobal)
	}
	return nil
}

func (c *collection) index(d indexDefinition) (*index, error) {
	if err := checkName("IndexName", d.IndexName); err != nil {
		return nil, err
	}
	if len(d.KeySchema) == 0 || len(d.KeySchema) > 2 {
		return nil, invalidValue("the KeySchema of index %s must have one or two elements", d.IndexName)
	}
	s, err := c.definition.schema(d.KeySchema)
	if err != nil {
		return nil, err
	}
	kind := d.Projection.ProjectionType
	switch {
	case kind == "":
		return nil, invalidValue("Unknown ProjectionType: null")
	case kind != "INCLUDE" && len(d.Projection.NonKeyAttributes) > 0:
		return nil, invalidValue("ProjectionType is %s, but NonKeyAttributes is specified", kind)
	case kind == "INCLUDE" && len(d.Projection.NonKeyAttributes) == 0:
		return nil, invalidValue("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
	case c.find(d.IndexName) != nil:
		return nil, invalidValue("Duplicate index name: %s", d.IndexName)
	}
	if err := checkEnum("projection.projectionType", kind, "ALL", "INCLUDE", "KEYS_ONLY"); err != nil {
		return nil, err
	}
	return &index{schema: s, name: d.IndexName, all: kind == "ALL", include: d.Projection.NonKeyAttributes}, nil
}

// checkUse refuses attributes that are defined and no key.
func (d definition) checkUse(c *collection) error {
	used := c.names()
	for _, x := range c.indexes {
		used = append(used, x.names()...)
	}
	for _, a := range d.AttributeDefinitions {
		if !slices.Contains(used, a.AttributeName) {
			return invalidValue("Some AttributeDefinitions are not used. AttributeDefinitions: [%s], keys used: [%s]", a.AttributeName, strings.Join(used, ", "))
		}
	}
	return nil
}

func (d definition) encode() []byte {
	raw, err := json.Marshal(d)
	if err != nil {
		panic(err) // nothing in it can't be written
	}
	return raw
}
