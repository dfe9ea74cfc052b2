# Credentials are those of `aliyun configure` or of the environment. The command line wants
# a region; it is not looked at here.
aliyun cams GetChatappPhoneNumberMetric \
  --endpoint=⟦host:string⟧ \
⟦?protocol⟧  --insecure \
⟦/⟧  --region='ap-southeast-1' \
⟦?IsvCode⟧  --IsvCode=⟦IsvCode:string⟧ \
⟦/⟧⟦?CustSpaceId⟧  --CustSpaceId=⟦CustSpaceId:string⟧ \
⟦/⟧⟦?Granularity⟧  --Granularity=⟦Granularity:string⟧ \
⟦/⟧⟦?PhoneNumber⟧  --PhoneNumber=⟦PhoneNumber:string⟧ \
⟦/⟧  --Start=⟦Start:int=1693107714687⟧ \
  --End=⟦End:int=1693407714687⟧
