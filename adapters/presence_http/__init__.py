"""The raw microservice's HTTP side: has a raw come, and where is it?"""
