package snapshot

import "testing"

const item = `{"accessSummary":{"access":{"type":"ENTITLEMENT","id":"2c9180867160846801719932c5153fb7","name":"Entitlement for Company Database"},"entitlement":{"id":"2c918085718230600171993742c63558","name":"CN=entitlement.bbb7c650","description":"Gives read/write access to the company database","privileged":false,"attributeName":"memberOf","attributeValue":"CN=entitlement.bbb7c650","sourceSchemaObjectType":"groups","sourceName":"ODS-AD-Source","sourceType":"Active Directory - Direct","sourceId":"78ca6be511cb41fbb86dba2fcca7780c","hasPermissions":false,"isPermission":false,"revocable":true,"cloudGoverned":false,"account":{"nativeIdentity":"CN=Alison Ferguso","disabled":false,"locked":false,"type":"IDENTITY","id":"2c9180857182305e0171993737eb29e6","name":"Alison Ferguso","created":"2020-04-20T20:11:05.067Z","activityInsights":{"usageDays":45}}},"accessProfile":null,"role":null},"identitySummary":{"id":"2c91808772a504f50172a9540e501ba7","name":"Aaron Grey","identityId":"2c9180857182305e0171993735622948","completed":true},"id":"ef38f94347e94562b5bb8424a56397d8","completed":true,"newAccess":false,"decision":"APPROVE","comments":"I still think this access is ok"}`

func BenchmarkDigestOfJSON(b *testing.B) {
	for b.Loop() {
		if _, err := DigestOfJSON([]byte(item)); err != nil {
			b.Fatal(err)
		}
	}
}
