package local

import (
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"opsflow/shared/local/iam"
	"opsflow/shared/local/stack"
)

// roleKeyPrefix begins the access keys that AssumeRole gives: the role's logical id and the session's name follow.
const roleKeyPrefix = functionKeyPrefix + "as-"

// holderOf gives who an access key belongs to: a function's, or one of AssumeRole. ok is false for a key of ours that nobody has.
func (p *permissions) holderOf(key string) (who session, ok bool) {
	now := p.now()
	if rest, assumed := strings.CutPrefix(key, roleKeyPrefix); assumed {
		id, name, _ := strings.Cut(rest, ".")
		for _, r := range now.stack.Roles {
			if r.LogicalID == id {
				return session{r, name}, true
			}
		}
		return session{}, false
	}
	f, ok := p.holder(key)
	return session{now.roles[f.RoleARN], f.Name}, ok
}

// identity is the part of STS that is here, by forms: GetCallerIdentity, and AssumeRole, by which somebody acts as a role of the
// template.
type identity struct {
	permissions *permissions
	now         func() time.Time
}

type callerIdentity struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	ARN     string   `xml:"GetCallerIdentityResult>Arn"`
	UserID  string   `xml:"GetCallerIdentityResult>UserId"`
	Account string   `xml:"GetCallerIdentityResult>Account"`
}

type assumedRole struct {
	XMLName    xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	Key        string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret     string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token      string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	ID         string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	ARN        string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
}

// ServeHTTP implements http.Handler.
func (i *identity) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	switch operation := r.FormValue("Action"); operation {
	case "GetCallerIdentity":
		writeXML(w, i.caller(i.permissions.session(r.Context())))
	case "AssumeRole":
		i.assume(w, r)
	default:
		refuse(w, r, http.StatusBadRequest, "InvalidAction", "Could not find operation "+operation+"; here are GetCallerIdentity and AssumeRole")
	}
}

func (*identity) caller(who session) callerIdentity {
	if who.role == nil {
		return callerIdentity{ARN: developer, UserID: "AIDADEVELOPER", Account: stack.Account}
	}
	return callerIdentity{ARN: who.role.Session(who.name), UserID: roleID(who.role, who.name), Account: stack.Account}
}

// roleID is what IAM calls a session of a role.
func roleID(role *stack.Role, name string) string {
	return "AROA" + strings.ToUpper(role.LogicalID) + ":" + name
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

func (i *identity) assume(w http.ResponseWriter, r *http.Request) {
	arn, name, seconds := r.FormValue("RoleArn"), r.FormValue("RoleSessionName"), 3600
	if given := r.FormValue("DurationSeconds"); given != "" {
		seconds, _ = strconv.Atoi(given) // 0 is refused
	}
	if !sessionName.MatchString(name) || seconds < 900 || seconds > 43200 {
		refuse(w, r, http.StatusBadRequest, "ValidationError", "RoleSessionName must be 2 to 64 characters of A-Z a-z 0-9 _ + = , . @ -, and DurationSeconds 900 to 43200")
		return
	}
	who := i.permissions.session(r.Context())
	role := i.permissions.now().roles[arn]
	err := error(&iam.DeniedError{Session: i.caller(who).ARN, Action: "sts:AssumeRole", Resource: arn})
	switch {
	case who.role != nil:
		err = i.permissions.MayAssume("", who.role.ARN, who.name, arn)
	case role != nil:
		err = nil // a developer may do everything
	}
	if denied, ok := errors.AsType[*iam.DeniedError](err); ok {
		refuse(w, r, http.StatusForbidden, "AccessDenied", denied.ErrorMessage())
		return
	}
	if role == nil {
		refuse(w, r, http.StatusForbidden, "AccessDenied", "the role "+arn+" is not of the template: nobody here can act as it")
		return
	}
	writeXML(w, assumedRole{
		Key: roleKeyPrefix + role.LogicalID + "." + name, Secret: "local", Token: "local",
		Expiration: i.now().Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339),
		ID:         roleID(role, name), ARN: role.Session(name),
	})
}

func writeXML(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "text/xml")
	_ = xml.NewEncoder(w).Encode(v) // the caller has gone if this fails
}
