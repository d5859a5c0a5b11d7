package dynamodb_test

// worded has, line by line, what DynamoDB Local says and what AWS says for the same; * stands for any text.
const worded = `
Cannot do operations on a non-existent table => Requested resource not found
A value provided cannot be converted into a number => The parameter cannot be converted to a numeric value*
ExpressionAttributeValues contains invalid value: A value provided cannot be converted into a number* => ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value*
DynamoDB only supports precision up to 38 digits => Attempting to store more than 38 significant digits in a Number
The number of conditions on the keys is invalid => The provided key element does not match the schema
Consistent read cannot be true when *ing a GSI => Consistent reads are not supported on global secondary indexes
Query condition missed key schema element => Query condition missed key schema element: *
Exclusive Start Key must have same size as table's key schema => The provided starting key is invalid*
Type mismatch for attribute to update => The provided starting key is invalid: The provided key element does not match the schema
The provided starting key does not match the range key predicate => The provided starting key is outside query boundaries based on provided conditions
Limit must be greater than or equal to 1 => 1 validation error detected: Value '*' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1
One of the required keys was not given a value => One or more parameter values were invalid: Missing the key * in the item
One or more parameter values were invalid: Type mismatch for key => One or more parameter values were invalid: Type mismatch for key * expected: * actual: *
One or more parameter values were invalid: Type mismatch for key => The provided key element does not match the schema
One or more parameter values were invalid: Type mismatch for Index Key => One or more parameter values were invalid: Type mismatch for Index Key * Expected: * Actual: * IndexName: *
Invalid attribute value type => One or more parameter values were invalid: Type mismatch for Index Key * Expected: * Actual: * IndexName: *
Hash primary key values must be under 2048 bytes, and range primary key values must be under 1024 bytes => One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes
Item to put in PutItem cannot be null => 1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null
Cannot have null key for GetItem, DeleteItem, or UpdateItem => 1 validation error detected: Value null at 'key' failed to satisfy constraint: Member must not be null
One or more parameter values were invalid: Input collection [*] contains duplicates => One or more parameter values were invalid: Input collection [*] contains duplicates.
Invalid table/index name.  Table/index names must be between 3 and 255 characters long* => TableName must be at least 3 characters long and at most 255 characters long
Invalid table/index name.  Table/index names must be between 3 and 255 characters long* => The parameter 'TableName' is required but was not present in the request
Cannot have null key for GetItem, DeleteItem, or UpdateItem => 1 validation error detected: Value 'FOO' at 'returnConsumedCapacity' failed*
If segment is specified, total segment must also be specified => The TotalSegments parameter is required but was not present in the request when Segment parameter is present
If total segments is specified, a particular segment must also* => The Segment parameter is required but was not present in the request when parameter TotalSegments is present
1 validation error detected: Value '*' at 'segment' failed to satisfy constraint* => The Segment parameter is zero-based*
1 validation error detected: Value '*' at 'segment' failed to satisfy constraint* => 1 validation error detected: Value '*' at '*egment*' failed to satisfy constraint*
Exclusive start key must lie within the segment => The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment.*
*operator or function: attribute_type, operand type: {*} => *operator or function: attribute_type, operand type: {*}
*Invalid attribute type name found; type: X, valid types: {*} => *Invalid attribute type name found; type: X, valid types: {*}
Value null at '*' failed to satisfy constraint: * => 1 validation error detected: Value null at '*' failed to satisfy constraint: Member must not be null
Value * failed to satisfy constraint: Member must have length * => 1 validation error detected: Value '*' at 'transactItems' failed to satisfy constraint: Member must have length *
Member must have length less than or equal to 100 => 1 validation error detected: Value '*' at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100
Value null at 'transactItems' failed to satisfy constraint: * => 1 validation error detected: Value '*' at 'transactItems' failed to satisfy constraint: *
BatchWriteItem cannot have a null or no requests set => 1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: *
BatchGetItem must have some requests set => 1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: *
The list of keys in RequestItems for BatchGetItem is required: * => The list of keys in RequestItems for BatchGetItem is required
The supplied Item contains a null AttributeValue => 1 validation error detected: Value null at 'item' failed to satisfy constraint: Member must not be null
The conditional request failed. => The conditional request failed
Select must be ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES, COUNT, or SPECIFIC_ATTRIBUTES => 1 validation error detected: Value '*' at 'select' failed to satisfy constraint: *
Return values set to invalid value => *eturnValues*
`
