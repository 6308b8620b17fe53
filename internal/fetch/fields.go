package fetch

import "strings"

// fields are the field names the contract gives an object, each with those of
// the object (or of each object of the array) below it; nil where it is a
// plain value or where names are not ours to know.
type fields map[string]fields

// plain names plain values.
func plain(names string) fields {
	f := fields{}
	for name := range strings.FieldsSeq(names) {
		f[name] = nil
	}
	return f
}

// with adds an object field.
func (f fields) with(name string, sub fields) fields {
	f[name] = sub
	return f
}

// Contract: the response models of the operations named in catalog.go.
var (
	person = plain("id name type email displayName")

	accountFields = plain("nativeIdentity disabled locked type id name created modified description governanceGroupId").
			with("activityInsights", plain("accountID usageDays usageDaysState")).
			with("owner", person)

	entitlementFields = plain("id name description privileged attributeName attributeValue sourceSchemaObjectType sourceName sourceType sourceId hasPermissions isPermission revocable cloudGoverned containsDataAccess").
				with("owner", person).
				with("account", accountFields).
				with("dataAccess", fields{"policies": plain("value"), "categories": plain("value matchCount"), "impactScore": plain("value")})

	accessProfileFields = plain("id name description privileged cloudGoverned endDate created modified").
				with("owner", person).
				with("entitlements", entitlementFields)

	roleFields = plain("id name description privileged revocable endDate").
			with("owner", person).
			with("accessProfiles", accessProfileFields).
			with("entitlements", entitlementFields)

	reviewItemFields = plain("id completed newAccess decision comments").
				with("identitySummary", plain("id name identityId completed")).
				with("accessSummary", fields{
			"access": plain("type id name"), "entitlement": entitlementFields,
			"accessProfile": accessProfileFields, "role": roleFields,
		})

	reviewerRef = plain("id name email type created modified")

	certificationFields = plain("id name completed identitiesCompleted identitiesTotal created modified decisionsMade decisionsTotal due signed hasErrors errorMessage phase").
				with("campaign", plain("id name type campaignType description correlatedStatus mandatoryCommentRequirement")).
				with("reviewer", reviewerRef).
				with("reassignment", plain("comment").with("from", plain("id name type").with("reviewer", reviewerRef)))

	reviewerFields = plain("id name email type")

	permissionFields = plain("rights target")

	messageFields = plain("locale localeOrigin text")

	taskFields = plain("id certificationId type targetType targetId status created").
			with("errors", messageFields).
			with("reassignmentTrailDTOs", plain("previousOwner newOwner reassignmentType"))

	campaignFields = plain("id name description deadline type emailNotificationEnabled autoRevokeAllowed recommendationsEnabled status correlatedStatus created totalCertifications completedCertifications modified sunsetCommentsRequired mandatoryCommentRequirement filter sourceOwnerCampaignInfo searchCampaignInfo roleCompositionCampaignInfo machineAccountCampaignInfo sourcesWithOrphanEntitlements").
			with("alerts", plain("level").with("localizations", messageFields))
)

// unknown counts the fields of an object, at any depth, that the contract has
// no name for.
func (d *decoder) unknown(value any, known fields, path string) {
	switch v := value.(type) {
	case map[string]any:
		for name, x := range v {
			below, ok := known[name]
			switch {
			case !ok:
				d.odd("unknown field", join(path, plainText(name)))
			case below != nil:
				d.unknown(x, below, join(path, name))
			}
		}
	case []any:
		for _, x := range v {
			d.unknown(x, known, path)
		}
	}
}
