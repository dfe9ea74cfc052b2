// The shapes of Ram's answers that the Access page reads. Types only.

export interface RamUser {
  UserId: string;
  UserName: string;
  DisplayName: string;
  Comments: string;
  CreateDate: string;
}
export interface RamGroup {
  GroupId: string;
  GroupName: string;
  Comments: string;
  CreateDate: string;
}
export interface RamPolicy {
  PolicyName: string;
  PolicyType: string;
  Description: string;
  DefaultVersion: string;
  AttachmentCount: number;
  UpdateDate: string;
}
export interface RamPolicyVersion {
  VersionId: string;
  IsDefaultVersion: boolean;
  PolicyDocument: string;
  CreateDate: string;
}
export interface RamKey {
  AccessKeyId: string;
  Status: "Active" | "Inactive";
  CreateDate: string;
}
export interface RamRole {
  RoleId: string;
  RoleName: string;
  Arn: string;
  Description: string;
  MaxSessionDuration: number;
  CreateDate: string;
}

/** Ram's date as ms. */
export const dateMs = (text: string): number | null => {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
};
