package snapshot

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gowebpki/jcs"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// volatile names the fields that move from day to day without anything having
// been decided or granted. They stay in Raw, but a change of them alone makes
// no new version: at any depth, with everything below them.
var volatile = map[string]bool{
	"activityInsights": true, // days of use of an account in the last 90
}

// DigestOf is the SHA-256 of an object's canonical JSON (RFC 8785) less its
// volatile fields. It takes what encoding/json decodes into an any, with
// numbers as json.Number, and does not change it.
func DigestOf(value any) (Digest, error) {
	c, err := Canonical(strip(value))
	if err != nil {
		return Digest{}, err
	}
	return sha256.Sum256(c), nil
}

// DigestOfJSON is DigestOf for an object's JSON text.
func DigestOfJSON(raw []byte) (Digest, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return Digest{}, fmt.Errorf("digest: %w", err)
	}
	return DigestOf(v)
}

// Canonical is the canonical JSON (RFC 8785) of a value. A document that has
// no such form, because a number in it is beyond a double, is given with its
// keys sorted and its numbers as they came: one odd number must not cost a row.
func Canonical(value any) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("canonical JSON: %w", err)
	}
	if c, err := jcs.Transform(plain); err == nil {
		return c, nil
	}
	return plain, nil
}

// strip copies the value without its volatile fields; where there are none it
// is returned as it is.
func strip(value any) any {
	switch v := value.(type) {
	case map[string]any:
		if !holdsVolatile(v) {
			return v
		}
		out := make(map[string]any, len(v))
		for k, x := range v {
			if !volatile[k] {
				out[k] = strip(x)
			}
		}
		return out
	case []any:
		if !holdsVolatile(v) {
			return v
		}
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = strip(x)
		}
		return out
	default:
		return v
	}
}

func holdsVolatile(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for k, x := range v {
			if volatile[k] || holdsVolatile(x) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsVolatile)
	}
	return false
}

// PermissionsDigest is the content address of an ordered permission list.
func PermissionsDigest(list []Permission) (Digest, error) {
	if list == nil {
		list = []Permission{}
	}
	c, err := Canonical(list)
	if err != nil {
		return Digest{}, err
	}
	return sha256.Sum256(c), nil
}

// Entry is one object of a collection: its id and its content.
type Entry struct {
	ID     string
	Digest Digest
}

// CollectionDigest is the digest of a collection: of its entries in the byte
// order of their ids, so that the order of a list does not matter. It sorts
// entries in place.
func CollectionDigest(entries []Entry) Digest {
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	h := sha256.New()
	for _, e := range entries {
		// An id may hold any character, so its length goes first.
		fmt.Fprintf(h, "%d:%s %s\n", len(e.ID), e.ID, e.Digest)
	}
	return Digest(h.Sum(nil))
}

// ParamsHash is the hash under which coverage remembers the parameters that
// shape a collection.
func ParamsHash(params ...string) string {
	c, err := Canonical(params)
	if err != nil {
		// Strings always have canonical JSON once invalid UTF-8 is replaced,
		// which encoding/json does.
		panic(err)
	}
	sum := sha256.Sum256(c)
	return hex.EncodeToString(sum[:])
}
