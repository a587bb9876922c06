"""The methods that combine the predictions of several members, one file a method."""
